/* The event stream: what happened while it was on is written, once, and nothing else. */
#include "check.h"

static CoroStatus sleeper(WorkerContext *ctx, void *data) {
    int *n = data;
    if (++*n == 3) {
        return CORO_STATUS_DONE;
    }
    worker_await_after(ctx, 1);
    return CORO_STATUS_YIELDED;
}

static void play(Runtime *runtime) {
    int n = 0;
    runtime_spawn_global(runtime, sleeper, &n);
    runtime_run(runtime);
    CHECK(n == 3);
}

static int count(const char *text, const char *word) {
    int n = 0;
    for (; (text = strstr(text, word)) != NULL; text++) {
        n++;
    }
    return n;
}

/* How often each kind of event is in the file. */
static void expect(const char *path, int n_spawned, int n_runs, int n_done) {
    static char text[1 << 16];
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = 0;
    CHECK(strncmp(text, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", 39) == 0);
    CHECK(count(text, "\"what\":\"spawn\"") == n_spawned);
    CHECK(count(text, "\"ph\":\"X\"") == n_runs);
    CHECK(count(text, "\"what\":\"done\"") == n_done);
}

int main(void) {
    char path[] = "/tmp/vitte-trace-XXXXXX";
    int file = mkstemp(path);
    CHECK(file >= 0);
    close(file);
    Runtime *runtime = automatic(1);
    play(runtime);
    CHECK(runtime_write_trace(runtime, path));
    expect(path, 0, 0, 0);
    runtime_set_tracing(runtime, true);
    play(runtime);
    runtime_set_tracing(runtime, true); /* it is: nothing is forgotten */
    play(runtime);
    CHECK(runtime_write_trace(runtime, path));
    expect(path, 2, 6, 2);
    play(runtime);
    runtime_set_tracing(runtime, false);
    play(runtime);
    CHECK(runtime_write_trace(runtime, path));
    expect(path, 1, 3, 1);
    CHECK(runtime_write_trace(runtime, path));
    expect(path, 0, 0, 0);

    CHECK(!runtime_write_trace(runtime, "/no/such/folder/trace"));
    CHECK(!runtime_write_trace(runtime, NULL) && !runtime_write_trace(NULL, path));
    runtime_set_tracing(NULL, true);
    runtime_destroy(runtime);
    unlink(path);
    return 0;
}
