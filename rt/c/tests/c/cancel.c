/* A token wakes the task that it belongs to, once; a handle says how a task ended; the drop callback
 * is called once, whatever ended the task. */
#include "check.h"

typedef struct {
    int step, n_cancels, n_dropped;
    RuntimeTaskState end;
    CancelToken *token;
} Waiter;

static CoroStatus waiter(WorkerContext *ctx, void *data) {
    Waiter *w = data;
    if (worker_wake_reason(ctx) == WAKE_REASON_CANCEL) {
        w->n_cancels++;
        CHECK(cancel_requested(worker_cancel_token(ctx)));
        worker_await_after(ctx, 1); /* a cleanup may wait */
        return CORO_STATUS_YIELDED;
    }
    if (w->step++ == 0) {
        __atomic_store_n(&w->token, worker_cancel_token(ctx), __ATOMIC_SEQ_CST);
        worker_await_after(ctx, 3600 * 1000);
        return CORO_STATUS_YIELDED;
    }
    CHECK(worker_wake_reason(ctx) == WAKE_REASON_TIMER);
    return CORO_STATUS_DONE;
}

static void dropped(void *data, RuntimeTaskState end) {
    Waiter *w = data;
    w->n_dropped++;
    w->end = end;
}

static CoroStatus canceller(WorkerContext *ctx, void *data) {
    Waiter *w = data;
    if (LOAD(w->token) == NULL) {
        worker_await_after(ctx, 1);
        return CORO_STATUS_YIELDED;
    }
    cancel_request(w->token);
    cancel_request(w->token);
    return CORO_STATUS_DONE;
}

/* Waits for a wake-up through its handle. */
static CoroStatus woken(WorkerContext *ctx, void *data) {
    int *n = data;
    if (worker_wake_reason(ctx) == WAKE_REASON_WAKE && ++*n == 2) {
        return CORO_STATUS_DONE;
    }
    worker_await_wake(ctx);
    return CORO_STATUS_YIELDED;
}

static void *wake_twice(void *task) {
    runtime_task_wake(task);
    usleep(2000);
    while (runtime_task_state(task) == RUNTIME_TASK_STATE_LIVE) {
        runtime_task_wake(task);
        usleep(100);
    }
    return NULL;
}

static CoroStatus sleeper(WorkerContext *ctx, void *data) {
    (void)data;
    worker_await_after(ctx, 3600 * 1000);
    return CORO_STATUS_YIELDED;
}

int main(void) {
    Runtime *runtime = automatic(2);
    Waiter w;
    memset(&w, 0, sizeof w);
    RuntimeTask *task = runtime_spawn(runtime, waiter, &w, dropped);
    CHECK(task != NULL && runtime_task_state(task) == RUNTIME_TASK_STATE_LIVE);
    CHECK(!runtime_task_wait(task, 1000));
    runtime_spawn_global(runtime, canceller, &w);
    runtime_run(runtime);
    CHECK(w.n_cancels == 1 && w.n_dropped == 1 && w.end == RUNTIME_TASK_STATE_DONE);
    CHECK(runtime_task_state(task) == RUNTIME_TASK_STATE_DONE && runtime_task_wait(task, UINT64_MAX));
    CHECK(cancel_requested(runtime_task_token(task)));
    runtime_task_release(task);

    int n_woken = 0;
    task = runtime_spawn(runtime, woken, &n_woken, NULL);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, wake_twice, task) == 0);
    runtime_run(runtime);
    pthread_join(thread, NULL);
    CHECK(n_woken == 2);
    runtime_task_release(task);

    /* A cancel before the first resume is delivered all the same. */
    memset(&w, 0, sizeof w);
    task = runtime_spawn(runtime, waiter, &w, dropped);
    cancel_request(runtime_task_token(task));
    runtime_run(runtime);
    CHECK(w.n_cancels == 1 && w.n_dropped == 1 && w.step == 2);
    runtime_task_release(task);

    /* What is left when the runtime goes is dropped, not resumed. */
    memset(&w, 0, sizeof w);
    task = runtime_spawn(runtime, sleeper, &w, dropped);
    char text[200];
    CHECK(runtime_dump(runtime, text, sizeof text) == strlen(text) && strstr(text, "task"));
    CHECK(runtime_dump(runtime, text, 5) > 5 && strlen(text) == 4);
    runtime_destroy(runtime);
    CHECK(w.n_dropped == 1 && w.end == RUNTIME_TASK_STATE_DROPPED);
    CHECK(runtime_task_state(task) == RUNTIME_TASK_STATE_DROPPED);
    runtime_task_release(task);
    return 0;
}
