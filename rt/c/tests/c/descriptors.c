/* Pipes and sockets are awaited more than once, by one task and by two at a time; errors wake with
 * errno; a file that is closed under a wait is noticed when its number is awaited again. */
#include "check.h"

typedef struct {
    int fd, n_read, step;
} Reader;

/* Reads four bytes, one per await. */
static CoroStatus read_four(WorkerContext *ctx, void *data) {
    Reader *r = data;
    char byte;
    if (r->step++ > 0) {
        WakeInfo info;
        worker_wake_info(ctx, &info);
        CHECK(info.reason == WAKE_REASON_IO && info.events == EVENT_TYPE_READABLE);
        CHECK(info.wait == 0 && info.error == 0 && info.handle == (IoHandle)r->fd);
        if (read(r->fd, &byte, 1) == 1) {
            r->n_read++;
        }
        if (r->n_read == 4) {
            return CORO_STATUS_DONE;
        }
    }
    worker_await_io(ctx, r->fd, EVENT_TYPE_READABLE);
    return CORO_STATUS_YIELDED;
}

typedef struct {
    int fd, n_written, step;
} Writer;

/* Writes a byte after each await of the other direction. */
static CoroStatus write_eight(WorkerContext *ctx, void *data) {
    Writer *w = data;
    if (w->step++ > 0) {
        CHECK(worker_wake_reason(ctx) == WAKE_REASON_IO || worker_wake_reason(ctx) == WAKE_REASON_TIMER);
        if (worker_wake_reason(ctx) == WAKE_REASON_TIMER) {
            worker_await_ioh(ctx, (IoHandle)w->fd, EVENT_TYPE_WRITABLE);
            return CORO_STATUS_YIELDED;
        }
        CHECK(write(w->fd, "x", 1) == 1);
        if (++w->n_written == 8) {
            return CORO_STATUS_DONE;
        }
    }
    worker_await_after(ctx, 1);
    return CORO_STATUS_YIELDED;
}

typedef struct {
    int fd, events, expected_error, step;
} Failing;

static CoroStatus failing(WorkerContext *ctx, void *data) {
    Failing *f = data;
    if (f->step++ == 0) {
        worker_await_io(ctx, f->fd, (EventType)f->events);
        return CORO_STATUS_YIELDED;
    }
    WakeInfo info;
    worker_wake_info(ctx, &info);
    CHECK(info.reason == WAKE_REASON_ERROR && info.error == f->expected_error);
    return CORO_STATUS_DONE;
}

typedef struct {
    int old[2], fresh[2], other, step;
} Closer;

/* Whether a task waits; the one that asks runs. */
static int another_waits(WorkerContext *ctx) {
    char text[4096];
    runtime_dump(worker_runtime(ctx), text, sizeof text);
    return strstr(text, ": waiting") != NULL;
}

/* The number of a file that another task waits for becomes another file's. */
static CoroStatus closer(WorkerContext *ctx, void *data) {
    Closer *c = data;
    switch (c->step++) {
    case 0:
        if (!another_waits(ctx)) {
            c->step--;
        }
        worker_await_after(ctx, 1);
        return CORO_STATUS_YIELDED;
    case 1:
        close(c->old[0]);
        CHECK(pipe(c->fresh) == 0);
        if (c->fresh[0] != c->old[0]) {
            CHECK(dup2(c->fresh[0], c->old[0]) == c->old[0]);
        }
        CHECK(write(c->fresh[1], "y", 1) == 1);
        worker_await_io(ctx, c->old[0], EVENT_TYPE_READABLE);
        return CORO_STATUS_YIELDED;
    default:
        CHECK(worker_wake_reason(ctx) == WAKE_REASON_IO);
        return CORO_STATUS_DONE;
    }
}

int main(void) {
    Runtime *runtime = automatic(2);
    int ends[2], pair[2];
    CHECK(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    /* Two readers of one descriptor share what one writer sends. */
    Reader readers[4] = {{ends[0], 0, 0}, {ends[0], 0, 0}, {pair[0], 0, 0}, {pair[0], 0, 0}};
    Writer writers[2] = {{ends[1], 0, 0}, {pair[1], 0, 0}};
    for (int i = 0; i < 4; i++) {
        runtime_spawn_global(runtime, read_four, &readers[i]);
    }
    for (int i = 0; i < 2; i++) {
        runtime_spawn_global(runtime, write_eight, &writers[i]);
    }
    runtime_run(runtime);
    for (int i = 0; i < 4; i++) {
        CHECK(readers[i].n_read == 4);
    }

    char path[] = "/tmp/vitte-c-XXXXXX";
    int file = mkstemp(path);
    CHECK(file >= 0);
    unlink(path);
    Failing failures[4] = {
        {999, EVENT_TYPE_READABLE, EBADF, 0},
        {-1, EVENT_TYPE_READABLE, EBADF, 0},
        {file, EVENT_TYPE_READABLE, EPERM, 0},
        {ends[0], EVENT_TYPE_TIMER, EINVAL, 0},
    };
    for (int i = 0; i < 4; i++) {
        runtime_spawn_global(runtime, failing, &failures[i]);
    }
    runtime_run(runtime);
    for (int i = 0; i < 4; i++) {
        CHECK(failures[i].step == 2);
    }

    Closer closes;
    memset(&closes, 0, sizeof closes);
    CHECK(pipe(closes.old) == 0);
    Failing victim = {closes.old[0], EVENT_TYPE_READABLE, EBADF, 0};
    runtime_spawn_global(runtime, failing, &victim);
    runtime_spawn_global(runtime, closer, &closes);
    runtime_run(runtime);
    CHECK(victim.step == 2 && closes.step == 3);

    RuntimeStats stats;
    runtime_get_stats(runtime, &stats);
    CHECK(stats.io_submitted >= 4 * 4 + 2 * 8 + 4 + 2 && stats.poller_events > 0);
    runtime_destroy(runtime);
    return 0;
}
