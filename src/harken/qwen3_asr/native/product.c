/* The product: inputs are made ready in parallel, then panels are shared out among the threads. */
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

/* A product under way. */
struct running {
    const struct product *p;
    const float *x;
    float *y;
    size_t x_stride, y_stride, line, of_row; /* floats of a prepared row; bytes of a row made ready */
    int rows, block;
    uint8_t *lines, *inputs;
};

/* Make the rows of some tiles ready. */
static void make_ready(const struct running *run, int from, int count, struct slice tiles, int all, float *lines) {
    const struct product *p = run->p;
    for (int t = tiles.from; t < tiles.to; t++) {
        int start = tile_start(count, all, t), height = tile_start(count, all, t + 1) - start;
        for (int r = 0; r < height; r++)
            prepare(p, run->x, run->x_stride, (size_t)from + start + r, lines + r * run->line);
        place(p->kind, lines, run->line, p->k, height, run->inputs + run->of_row * start);
    }
}

/* Multiply some tiles by one panel. */
CPU static void multiply(const struct running *run, int from, int count, struct slice tiles, int all, int panel) {
    const struct product *p = run->p;
    const uint8_t *w = (const uint8_t *)p->w + panel_bytes(p->kind, p->k) * panel;
    for (int t = tiles.from; t < tiles.to; t++) {
        int start = tile_start(count, all, t), height = tile_start(count, all, t + 1) - start;
        __m512 acc[TALLEST][2];
        LOOPS[p->kind][height](run->inputs + run->of_row * start, w, p->k, acc);
        finish(p, acc, height, panel * PANEL, run->y + (size_t)(from + start) * run->y_stride, run->y_stride);
    }
}

static void run_product(void *context, int thread, int threads) {
    const struct running *run = context;
    float *lines = (float *)(run->lines + TALLEST * run->line * sizeof(float) * thread);
    memset(lines, 0, TALLEST * run->line * sizeof(float));
    int panels = ceil_div(run->p->n, PANEL);
    for (int from = 0; from < run->rows; from += run->block) {
        int count = run->rows - from < run->block ? run->rows - from : run->block;
        int tiles = ceil_div(count, tallest_of(run->p->kind));
        make_ready(run, from, count, share(tiles, thread, threads), tiles, lines);
        wait_for_all();
        /* Where the panels do not share out evenly, each is done in as many parts as there are threads. */
        int parts = panels % threads && tiles >= threads ? threads : 1;
        struct slice mine = share(panels * parts, thread, threads);
        for (int i = mine.from; i < mine.to; i++)
            multiply(run, from, count, share(tiles, i % parts, parts), tiles, i / parts);
        wait_for_all();
    }
}

/* y [rows, n] = epilogue(prologue(x [rows, k or, with SWIGLU, 2k]) @ w^T); strides in floats, x's unused by CONVOLVE.
 * Returns 0, or -1 without memory. */
API int harken_product(const struct product *p, const float *x, size_t x_stride, int rows, float *y, size_t y_stride) {
    int threads = most_threads();
    struct running run = {.p = p, .x = x, .y = y, .x_stride = x_stride, .y_stride = y_stride, .rows = rows};
    run.of_row = row_bytes(p->kind, p->k);
    run.line = ((size_t)ceil_div(p->k, group_of(p->kind)) * group_of(p->kind) + 15) / 16 * 16;
    /* As many rows at once as stay in a core's second-level cache while the panels pass by, in even shares. */
    int even = TALLEST * threads, block = ceil_div((int)((size_t)(1 << 20) / run.of_row), even) * even;
    run.block = block > rows ? rows : block;
    size_t of_lines = TALLEST * run.line * sizeof(float) * threads;
    run.lines = scratch(of_lines + run.of_row * run.block);
    if (!run.lines) return -1;
    run.inputs = run.lines + of_lines;
    in_parallel(run_product, &run, threads);
    return 0;
}
