/* Whole decoder layers in one call: between the kernels of a step no Python runs, and none waits for its lock. */
#include "kernels.h"

int harken_product(const struct product *p, const float *x, size_t x_stride, int rows, float *y, size_t y_stride);
int harken_attend(const struct heads *h, float *qkv, int rows, float *out);

/* Run `count` layers over hidden [rows, width], in place.
 *
 * heads: of the first layer; keys, values and norms are set for each layer, the cache's layers being `stride` values
 * apart. qkv: [rows, (heads + 2 kv_heads) * head_dim], mixed: [rows, heads * head_dim], gates: [rows, 2 ffn] are room for
 * what lies between. Returns 0, or -1 without memory. */
API int harken_layers(const struct layer *layers, int count, const struct heads *heads, size_t stride, float *hidden,
                      int rows, float *qkv, float *mixed, float *gates) {
    int failed = 0;
    for (int i = 0; i < count && !failed; i++) {
        const struct layer *l = layers + i;
        struct heads here = *heads;
        here.keys += stride * i;
        here.values += stride * i;
        here.q_norm = l->q_norm;
        here.k_norm = l->k_norm;
        failed |= harken_product(&l->qkv, hidden, l->qkv.k, rows, qkv, l->qkv.n);
        failed |= harken_attend(&here, qkv, rows, mixed);
        failed |= harken_product(&l->out, mixed, l->out.k, rows, hidden, l->out.n);
        failed |= harken_product(&l->gate_up, hidden, l->gate_up.k, rows, gates, l->gate_up.n);
        failed |= harken_product(&l->down, gates, 2 * l->down.k, rows, hidden, l->down.n);
    }
    return failed;
}
