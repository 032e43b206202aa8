/* An echo server and its client as callbacks of the Vitte runtime.
 *
 *   cargo build --release -p vitte-c
 *   cc -I rt/include examples/c/echo.c target/release/libvitte_c.a -lpthread -ldl -lm -o echo
 *   ./echo
 *
 * Prints:
 *   echoed: hello from C
 *   3 tasks, 0 left
 */
#include <runtime.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    int fd;
    int is_connected;
} Connection;

/* Sends back what comes, until the peer is done. A peer that is silent for ten seconds is
 * dropped. */
static CoroStatus serve(WorkerContext *ctx, void *data) {
    Connection *c = data;
    char buffer[256];
    if (worker_wake_reason(ctx) == WAKE_REASON_TIMER) {
        return CORO_STATUS_DONE;
    }
    if (worker_wake_reason(ctx) == WAKE_REASON_IO) {
        ssize_t n = read(c->fd, buffer, sizeof buffer);
        if (n <= 0 || write(c->fd, buffer, (size_t)n) != n) {
            return CORO_STATUS_DONE;
        }
    }
    worker_await_io(ctx, c->fd, EVENT_TYPE_READABLE);
    worker_await_after(ctx, 10 * 1000); /* whichever comes first */
    return CORO_STATUS_YIELDED;
}

static void hang_up(void *data, RuntimeTaskState end) {
    Connection *c = data;
    (void)end;
    close(c->fd);
    free(c);
}

/* Takes one connection. */
static CoroStatus listen_once(WorkerContext *ctx, void *data) {
    int *listener = data;
    if (worker_wake_reason(ctx) == WAKE_REASON_START) {
        worker_await_io(ctx, *listener, EVENT_TYPE_READABLE);
        return CORO_STATUS_YIELDED;
    }
    Connection *c = calloc(1, sizeof *c);
    c->fd = accept(*listener, NULL, NULL);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    runtime_task_release(runtime_spawn(worker_runtime(ctx), serve, c, hang_up));
    return CORO_STATUS_DONE;
}

static CoroStatus client(WorkerContext *ctx, void *data) {
    static const char text[] = "hello from C";
    Connection *c = data;
    char buffer[256];
    if (!c->is_connected) {
        if (worker_wake_reason(ctx) == WAKE_REASON_START) {
            worker_await_io(ctx, c->fd, EVENT_TYPE_WRITABLE); /* the connect is finished */
            return CORO_STATUS_YIELDED;
        }
        c->is_connected = 1;
        if (write(c->fd, text, sizeof text - 1) < 0) {
            return CORO_STATUS_DONE;
        }
        worker_await_io(ctx, c->fd, EVENT_TYPE_READABLE);
        return CORO_STATUS_YIELDED;
    }
    ssize_t n = read(c->fd, buffer, sizeof buffer);
    printf("echoed: %.*s\n", n > 0 ? (int)n : 0, buffer);
    close(c->fd);
    return CORO_STATUS_DONE;
}

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        perror("listen");
        return 1;
    }
    Connection peer = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
    fcntl(peer.fd, F_SETFL, O_NONBLOCK);
    connect(peer.fd, (struct sockaddr *)&address, size); /* finishes later */

    Runtime *runtime = runtime_create(0);
    runtime_enable_auto_shutdown(runtime, true);
    runtime_spawn_global(runtime, listen_once, &listener);
    runtime_spawn_global(runtime, client, &peer);
    runtime_run(runtime); /* until all three tasks are over */
    RuntimeStats stats;
    runtime_get_stats(runtime, &stats);
    printf("%d tasks, %d left\n", (int)stats.tasks_spawned,
           (int)(stats.tasks_spawned - stats.tasks_done));
    runtime_destroy(runtime);
    close(listener);
    return 0;
}
