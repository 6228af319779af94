/* The product: inputs are made ready in parallel, then panels are shared out among the threads, then results go out. */
#include "kernels.h"

/* Whether this machine can run these kernels. */
API int harken_supported(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vnni");
}

CPU static void finish(const struct product *p, __m512 acc[][2], int rows, int column, float *y, size_t stride) {
    for (int half = 0; half < 2; half++, column += 16) {
        __mmask16 m = first(p->n - column);
        if (p->n <= column) return;
        __m512 bias = p->epilogue & BIAS ? _mm512_maskz_loadu_ps(m, p->bias + column) : _mm512_setzero_ps();
        for (int r = 0; r < rows; r++) {
            float *to = y + r * stride + column;
            __m512 value = _mm512_add_ps(acc[r][half], bias);
            if (p->epilogue & GELU) value = gelu16(value);
            if (p->epilogue & ADD) value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(m, to));
            _mm512_mask_storeu_ps(to, m, value);
        }
    }
}

/* The scratch memory of the calling thread, kept from call to call: fresh pages for each would cost more than the sums. */
uint8_t *scratch(size_t bytes) {
    static __thread uint8_t *held;
    static __thread size_t size;
    if (size < bytes) {
        free(held);
        size = (bytes + 4095) / 4096 * 4096;
        held = aligned_alloc(64, size);
        if (!held) size = 0;
    }
    return held;
}

/* How `rows` split into tiles of nearly equal height: tile t starts at the returned row. */
static inline int tile_start(int rows, int tiles, int t) { return (int)((long)rows * t / tiles); }

/* y [rows, n] = epilogue(prologue(x [rows, k or, with SWIGLU, 2k]) @ w^T); strides in floats, x's unused by CONVOLVE.
 * Returns 0, or -1 without memory. */
CPU API int harken_product(const struct product *p, const float *x, size_t x_stride, int rows, float *y,
                           size_t y_stride, int threads) {
    int panels = ceil_div(p->n, PANEL), size = group_of(p->kind);
    size_t of_row = row_bytes(p->kind, p->k), of_panel = panel_bytes(p->kind, p->k);
    size_t line = ((size_t)ceil_div(p->k, size) * size + 15) / 16 * 16; /* floats of a prepared row */
    /* As many rows at once as stay in a core's second-level cache while the panels pass by, in even shares. */
    int share = TALLEST * threads, block = ceil_div((int)((size_t)(1 << 20) / of_row), share) * share;
    block = block > rows ? rows : block;
    size_t of_thread = TALLEST * line * sizeof(float);
    uint8_t *memory = scratch(of_thread * threads + of_row * block);
    if (!memory) return -1;
    uint8_t *inputs = memory + of_thread * threads;
    #pragma omp parallel num_threads(threads)
    {
        float *lines = (float *)(memory + of_thread * omp_get_thread_num());
        memset(lines, 0, of_thread);
        for (int from = 0; from < rows; from += block) {
            int count = rows - from < block ? rows - from : block;
            int tiles = ceil_div(count, tallest_of(p->kind));
            #pragma omp for schedule(static)
            for (int t = 0; t < tiles; t++) {
                int start = tile_start(count, tiles, t), height = tile_start(count, tiles, t + 1) - start;
                for (int r = 0; r < height; r++)
                    prepare(p, x, x_stride, (size_t)from + start + r, lines + r * line);
                place(p->kind, lines, line, p->k, height, inputs + of_row * start);
            }
            /* Where the panels do not share out evenly, each is done in as many parts as there are threads. */
            int parts = panels % threads && tiles >= threads ? threads : 1;
            #pragma omp for schedule(static)
            for (int task = 0; task < panels * parts; task++) {
                int panel = task / parts, part = task % parts;
                const uint8_t *w = (const uint8_t *)p->w + of_panel * panel;
                for (int t = tiles * part / parts; t < tiles * (part + 1) / parts; t++) {
                    int start = tile_start(count, tiles, t), height = tile_start(count, tiles, t + 1) - start;
                    __m512 acc[TALLEST][2];
                    LOOPS[p->kind][height](inputs + of_row * start, w, p->k, acc);
                    finish(p, acc, height, panel * PANEL, y + (size_t)(from + start) * y_stride, y_stride);
                }
            }
        }
    }
    return 0;
}
