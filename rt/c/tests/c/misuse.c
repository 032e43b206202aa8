/* Mistakes of a caller are answered, not executed: a status that is none, nulls, names of things
 * that are gone, calls at the wrong time. */
#include "check.h"

static int n_resumes;
static CancelToken *old_token;

static CoroStatus no_status(WorkerContext *ctx, void *data) {
    (void)data;
    ADD(n_resumes);
    old_token = worker_cancel_token(ctx);
    worker_await_after(ctx, 1);
    return (CoroStatus)77;
}

static CoroStatus done(WorkerContext *ctx, void *data) {
    (void)data;
    ADD(n_resumes);
    /* It may not wait for itself, nor run what runs it. */
    CHECK(!runtime_task_wait((RuntimeTask *)worker_cancel_token(ctx), UINT64_MAX));
    runtime_run(worker_runtime(ctx));
    worker_await_after(ctx, 1);
    return CORO_STATUS_DONE;
}

int main(void) {
    CHECK(runtime_create(-1) == NULL);
    Runtime *runtime = automatic(1);
    RuntimeTask *task = runtime_spawn(runtime, no_status, NULL, NULL);
    runtime_run(runtime);
    CHECK(n_resumes == 1 && runtime_task_state(task) == RUNTIME_TASK_STATE_FAULTED);

    /* Resume after the end: a wake-up of a task that is over does nothing; nor of one that was
     * released, whose slot is another's by now. */
    runtime_task_wake(task);
    cancel_request(old_token);
    runtime_task_release(task);
    RuntimeTask *next = runtime_spawn(runtime, done, NULL, NULL);
    CHECK(next != task);
    runtime_task_wake(task);
    cancel_request(old_token);
    runtime_task_release(task);
    runtime_task_release(task);
    CHECK(!cancel_requested(runtime_task_token(next)));
    CHECK(!cancel_requested(old_token));
    CHECK(runtime_task_state(task) == RUNTIME_TASK_STATE_DROPPED && runtime_task_wait(task, 1));
    runtime_run(runtime);
    CHECK(n_resumes == 2 && runtime_task_state(next) == RUNTIME_TASK_STATE_DONE);
    runtime_task_release(next);

    /* Nulls. */
    runtime_spawn_global(runtime, NULL, NULL);
    runtime_spawn_global(NULL, done, NULL);
    CHECK(runtime_spawn(NULL, done, NULL, NULL) == NULL);
    CHECK(runtime_spawn(runtime, NULL, NULL, NULL) == NULL);
    runtime_run(NULL);
    runtime_run(runtime);
    runtime_shutdown(NULL);
    runtime_enable_auto_shutdown(NULL, true);
    runtime_get_stats(NULL, NULL);
    runtime_get_stats(runtime, NULL);
    CHECK(runtime_dump(NULL, NULL, 0) == 0);
    cancel_request(NULL);
    CHECK(!cancel_requested(NULL));
    cancel_token_retain(NULL);
    cancel_token_release(NULL);
    runtime_task_release(NULL);
    runtime_task_wake(NULL);
    worker_await_io(NULL, 0, EVENT_TYPE_READABLE);
    worker_await_after(NULL, 1);
    worker_await_wake(NULL);
    worker_spawn_local(NULL, done, NULL);
    CHECK(worker_cancel_token(NULL) == NULL && worker_runtime(NULL) == NULL);
    CHECK(!lfq_enqueue(NULL, NULL) && !lfq_dequeue(NULL, NULL));
    CHECK(lfq_create(SIZE_MAX) == NULL);
    lfq_destroy(NULL);
    runtime_destroy(runtime);
    runtime_destroy(NULL);
    return 0;
}
