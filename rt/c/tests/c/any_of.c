/* Several awaits in one resume mean any of them; which one it was can be read. */
#include "check.h"

typedef struct {
    int fd, step;
} Timed;

static CoroStatus timed(WorkerContext *ctx, void *data) {
    Timed *t = data;
    WakeInfo info;
    worker_wake_info(ctx, &info);
    char byte;
    switch (ADD(t->step) - 1) {
    case 0:
        worker_await_io(ctx, t->fd, EVENT_TYPE_READABLE);
        worker_await_after(ctx, 3);
        return CORO_STATUS_YIELDED;
    case 1: /* nobody wrote */
        CHECK(info.reason == WAKE_REASON_TIMER && info.wait == 1);
        CHECK(info.events == EVENT_TYPE_TIMER);
        worker_await_after(ctx, 3600 * 1000);
        worker_await_io(ctx, t->fd, EVENT_TYPE_READABLE);
        return CORO_STATUS_YIELDED;
    case 2:
        CHECK(info.reason == WAKE_REASON_IO && info.wait == 1);
        CHECK(read(t->fd, &byte, 1) == 1);
        worker_await_io(ctx, t->fd, EVENT_TYPE_READABLE);
        worker_await_io(ctx, 999, EVENT_TYPE_READABLE);
        return CORO_STATUS_YIELDED;
    case 3:
        CHECK(info.reason == WAKE_REASON_ERROR && info.wait == 1 && info.error == EBADF);
        return CORO_STATUS_DONE;
    default:
        CHECK(!"resumed after DONE");
        return CORO_STATUS_DONE;
    }
}

typedef struct {
    Timed *reader;
    int fd;
} Writer;

/* Writes a byte, but not before the time of the reader's first await is over. */
static CoroStatus writer(WorkerContext *ctx, void *data) {
    Writer *w = data;
    if (LOAD(w->reader->step) < 2) {
        worker_await_after(ctx, 1);
        return CORO_STATUS_YIELDED;
    }
    CHECK(write(w->fd, "x", 1) == 1);
    return CORO_STATUS_DONE;
}

int main(void) {
    Runtime *runtime = automatic(2);
    int ends[2];
    CHECK(pipe(ends) == 0);
    Timed task = {ends[0], 0};
    Writer other = {&task, ends[1]};
    runtime_spawn_global(runtime, timed, &task);
    runtime_spawn_global(runtime, writer, &other);
    runtime_run(runtime);
    CHECK(task.step == 4);
    runtime_destroy(runtime);
    return 0;
}
