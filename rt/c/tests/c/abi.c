/* vt_run from C: a counter that suspends three times; a resume after its end is answered, not
 * executed; a cancel is delivered once. */
#include "check.h"
#include <vitte.h>

typedef struct {
    uint32_t n;
    uint8_t state;
} Counter;

static vt_status count(vt_ctx *ctx, void *frame) {
    Counter *c = frame;
    if (c->state == VT_STATE_RETURNED || c->state == VT_STATE_POISONED) {
        return VT_FAULTED; /* misuse: nothing is touched */
    }
    if (ctx->mode == VT_MODE_CANCEL) {
        ctx->mode = VT_MODE_RESUME;
        c->state = VT_STATE_POISONED;
        return VT_CANCELLED;
    }
    if (++c->n == 4) {
        c->state = VT_STATE_RETURNED;
        return VT_DONE;
    }
    c->state = VT_STATE_FIRST;
    return VT_YIELDED;
}

int main(void) {
    for (int cancel = 0; cancel < 2; cancel++) {
        Counter frame = {0, VT_STATE_UNRESUMED};
        vt_leaf leaf;
        memset(&leaf, 0, sizeof leaf);
        leaf.resume = count;
        leaf.frame = &frame;
        leaf.root = &frame;
        leaf.status = VT_NONE;
        vt_ctx ctx;
        memset(&ctx, 0, sizeof ctx);
        ctx.child_status = VT_NONE;
        for (int i = 0; i < 3; i++) {
            CHECK(vt_run(&ctx, &leaf) == VT_YIELDED);
        }
        leaf.cancel = cancel ? VT_CANCEL_ASKED : VT_CANCEL_NONE;
        CHECK(vt_run(&ctx, &leaf) == (cancel ? VT_CANCELLED : VT_DONE));
        Counter before = frame;
        CHECK(vt_run(&ctx, &leaf) == VT_FAULTED);
        CHECK(before.n == frame.n && before.state == frame.state);
    }
    return 0;
}
