/* Two runtimes in one process, run at the same time; one spawns on the other; each ends when its
 * own tasks are over. Queues between threads. A runtime destroyed by its own callback. */
#include "check.h"

static Runtime *left, *right;
static LockFreeQueue *queue;
static int n_right;

static CoroStatus on_right(WorkerContext *ctx, void *data) {
    CHECK(worker_runtime(ctx) == right);
    CHECK(lfq_enqueue(queue, data));
    ADD(n_right);
    return CORO_STATUS_DONE;
}

static CoroStatus on_left(WorkerContext *ctx, void *data) {
    int *n = data;
    CHECK(worker_runtime(ctx) == left);
    runtime_spawn_global(right, on_right, data);
    if (++*n == 100) {
        return CORO_STATUS_DONE;
    }
    worker_await_after(ctx, 0);
    return CORO_STATUS_YIELDED;
}

static CoroStatus keeper(WorkerContext *ctx, void *data) {
    (void)data;
    if (LOAD(n_right) == 100) {
        return CORO_STATUS_DONE;
    }
    worker_await_after(ctx, 1);
    return CORO_STATUS_YIELDED;
}

static void *run(void *runtime) {
    runtime_run(runtime);
    return NULL;
}

static CoroStatus suicidal(WorkerContext *ctx, void *data) {
    runtime_run(data); /* says that it does nothing here */
    runtime_destroy(data);
    worker_await_after(ctx, 3600 * 1000); /* dropped at the end of the run */
    return CORO_STATUS_YIELDED;
}

int main(void) {
    left = automatic(1);
    right = automatic(0);
    queue = lfq_create(0);
    int n_left = 0;
    runtime_spawn_global(right, keeper, NULL);
    runtime_spawn_global(left, on_left, &n_left);
    pthread_t threads[2];
    pthread_create(&threads[0], NULL, run, left);
    pthread_create(&threads[1], NULL, run, right);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    CHECK(n_left == 100 && n_right == 100);
    void *item = NULL;
    for (int i = 0; i < 100; i++) {
        CHECK(lfq_dequeue(queue, &item) && item == &n_left);
    }
    CHECK(!lfq_dequeue(queue, &item));
    lfq_destroy(queue);

    queue = lfq_create(2);
    CHECK(lfq_enqueue(queue, &n_left) && lfq_enqueue(queue, NULL) && !lfq_enqueue(queue, queue));
    CHECK(lfq_dequeue(queue, &item) && item == &n_left);
    CHECK(lfq_dequeue(queue, &item) && item == NULL && !lfq_dequeue(queue, &item));
    lfq_destroy(queue);
    runtime_destroy(left);
    runtime_destroy(right);

    Runtime *runtime = automatic(2);
    runtime_spawn_global(runtime, suicidal, runtime);
    runtime_run(runtime);
    return 0;
}
