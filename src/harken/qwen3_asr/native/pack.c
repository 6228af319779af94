/* Weights from rows of bfloat16 to panels; see kernels.h for what lies where. */
#include "kernels.h"

API size_t harken_packed_bytes(int kind, int n, int k) { return ceil_div(n, PANEL) * panel_bytes(kind, k); }

static inline float widened(uint16_t value) {
    uint32_t bits = (uint32_t)value << 16;
    float wide;
    memcpy(&wide, &bits, 4);
    return wide;
}

static void pack_pairs(const uint16_t *w, int n, int k, int from, uint16_t *out) {
    for (int pair = 0; pair < ceil_div(k, 2); pair++)
        for (int i = 0; i < PANEL; i++)
            for (int j = 0; j < 2; j++) {
                int row = from + i, column = 2 * pair + j;
                *out++ = row < n && column < k ? w[(size_t)row * k + column] : 0;
            }
}

/* One row of one group as codes: w = s*q - m, q from 0 to `top`, with the smallest weight at 0 and the largest at top. */
static void quantise(const uint16_t *w, int count, int size, int top, uint8_t *codes, float *s, float *m) {
    float low = 0, high = 0;
    for (int i = 0; i < count; i++) {
        float value = widened(w[i]);
        low = i == 0 || value < low ? value : low;
        high = i == 0 || value > high ? value : high;
    }
    float scale = (high - low) / (float)top;
    for (int i = 0; i < size; i++) {
        float code = i < count && scale > 0 ? rintf((widened(w[i]) - low) / scale) : 0;
        codes[i] = (uint8_t)(code < 0 ? 0 : code > (float)top ? (float)top : code);
    }
    *s = scale;
    *m = -low;
}

static void pack_codes(int kind, const uint16_t *w, int n, int k, int from, uint8_t *out) {
    int size = group_of(kind), top = kind == INT8 ? 255 : 15;
    uint8_t codes[GROUP8];
    memset(out, 0, panel_bytes(kind, k));
    for (int start = 0; start < k; start += size, out += group_bytes(kind)) {
        float *s = (float *)out, *m = s + PANEL;
        uint8_t *packed = out + 8 * PANEL;
        for (int i = 0; i < PANEL && from + i < n; i++) {
            int count = k - start < size ? k - start : size;
            quantise(w + (size_t)(from + i) * k + start, count, size, top, codes, s + i, m + i);
            for (int j = 0; j < size; j++)
                if (kind == INT8)
                    packed[(j / 4 * PANEL + i) * 4 + j % 4] = codes[j];
                else
                    packed[(j / 8 * PANEL + i) * 4 + j % 4] |= (uint8_t)(codes[j] << (j / 4 % 2 * 4));
        }
    }
}

struct packing {
    const uint16_t *w;
    uint8_t *out;
    int kind, n, k;
};

static void run_packing(void *context, int thread, int threads) {
    const struct packing *run = context;
    struct slice panels = share(ceil_div(run->n, PANEL), thread, threads);
    for (int panel = panels.from; panel < panels.to; panel++) {
        uint8_t *to = run->out + panel * panel_bytes(run->kind, run->k);
        if (run->kind == INT8 || run->kind == INT4)
            pack_codes(run->kind, run->w, run->n, run->k, panel * PANEL, to);
        else
            pack_pairs(run->w, run->n, run->k, panel * PANEL, (uint16_t *)to);
    }
}

/* w: [n, k] bfloat16, out: harken_packed_bytes(kind, n, k). */
API void harken_pack(int kind, const uint16_t *w, int n, int k, void *out) {
    struct packing run = {.w = w, .out = out, .kind = kind, .n = n, .k = k};
    in_parallel(run_packing, &run, most_threads());
}
