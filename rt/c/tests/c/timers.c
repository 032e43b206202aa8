/* Timers are never early, whichever of the three calls arms them; a resume without an await is a
 * yield. */
#include "check.h"

typedef struct {
    int step;
    uint64_t asked_at, deadline;
    uint64_t millis;
} Sleeper;

static int n_done;

static CoroStatus sleeper(WorkerContext *ctx, void *data) {
    Sleeper *s = data;
    CHECK(worker_data(ctx) == data);
    switch (s->step++) {
    case 0:
        CHECK(worker_wake_reason(ctx) == WAKE_REASON_START);
        return CORO_STATUS_YIELDED; /* no await: again at once */
    case 1:
        CHECK(worker_wake_reason(ctx) == WAKE_REASON_YIELD);
        s->asked_at = rt_now_ns();
        worker_await_after(ctx, s->millis);
        return CORO_STATUS_YIELDED;
    case 2:
        CHECK(worker_wake_reason(ctx) == WAKE_REASON_TIMER);
        CHECK(rt_now_ns() >= s->asked_at + s->millis * 1000000);
        s->deadline = rt_now_ns() + 3000000;
        worker_await_deadline(ctx, s->deadline);
        return CORO_STATUS_RUNNING; /* an await suspends whichever is answered */
    case 3:
        CHECK(rt_now_ns() >= s->deadline);
        worker_await_deadline(ctx, 1); /* long ago */
        return CORO_STATUS_YIELDED;
    case 4:
        s->asked_at = rt_now_ns();
        vex_async_sleep(ctx, 2);
        return CORO_STATUS_YIELDED;
    case 5:
        CHECK(rt_now_ns() >= s->asked_at + 2000000);
        worker_await_after(ctx, 1000000); /* void, because of DONE */
        ADD(n_done);
        return CORO_STATUS_DONE;
    default:
        CHECK(!"resumed after DONE");
        return CORO_STATUS_DONE;
    }
}

int main(void) {
    static Sleeper sleepers[50];
    Runtime *runtime = automatic(2);
    for (int i = 0; i < 50; i++) {
        sleepers[i].millis = (uint64_t)(i % 7);
        runtime_spawn_global(runtime, sleeper, &sleepers[i]);
    }
    runtime_run(runtime);
    CHECK(n_done == 50);
    runtime_destroy(runtime);
    return 0;
}
