// Both headers are C++, side by side, and callbacks may be lambdas without captures.
#include "check.h"
#include <vitte.h>

int main() {
    Runtime *runtime = automatic(2);
    int ends[2];
    CHECK(pipe(ends) == 0);
    struct State {
        int fd, step;
    } state = {ends[1], 0};
    coro_resume_func callback = [](WorkerContext *ctx, void *data) -> CoroStatus {
        auto *state = static_cast<State *>(data);
        if (state->step++ == 0) {
            worker_await_io(ctx, state->fd, EVENT_TYPE_READABLE | EVENT_TYPE_WRITABLE);
            return CORO_STATUS_YIELDED;
        }
        CHECK(worker_wake_reason(ctx) == WAKE_REASON_IO);
        return CORO_STATUS_DONE;
    };
    runtime_spawn_global(runtime, callback, &state);
    runtime_run(runtime);
    CHECK(state.step == 2);
    runtime_destroy(runtime);
    vt_leaf leaf = {};
    return leaf.cancel;
}
