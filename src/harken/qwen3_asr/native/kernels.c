/* The products and small steps of the network on x86 CPUs with AVX-512.
 *
 * Why this exists. A decode step reads every weight once; with torch's kernels it reads bfloat16 weights at half of what
 * the memory gives, and dozens of small operations per layer cost as much again (docs/engine.md has the figures). Here
 * weights are packed once into the order in which they are read, arithmetic is float32, and each matrix product takes
 * its normalisation or gate on the way in and its bias, GELU or residual on the way out.
 *
 * Layout. A weight [n, k] becomes panels of 32 outputs; within a panel, bfloat16 values lie in pairs of k
 * ([k/2][32][2]), int8 codes in fours ([k/4][32][4]), int4 codes in eights (low nibbles the first four). Quantised
 * panels are cut into groups of k; before each group's codes stand 32 scales s and 32 offsets m, a weight being s*q - m.
 * Inputs are re-ordered per tile of rows ([k][rows of the tile]), so that the inner loop walks through memory.
 *
 * The invariant that callers build on: an output depends on its own row alone, and the order of its additions on nothing
 * at all. A row's result is the same to the last bit in any batch, at any place of it, with any number of threads.
 *
 * Threads: OpenMP, with the symbols of the runtime that torch has loaded already, so that both share one pool.
 */
#include <immintrin.h>
#include <math.h>
#include <omp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define API __attribute__((visibility("default")))
#define CPU __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma")))
#define CPU_DOT __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16,fma")))
#define UNROLL _Pragma("GCC unroll 16")

enum { PANEL = 32, TALLEST = 12, GROUP8 = 128, GROUP4 = 64, NEAR = 2048, FAR = 16384 };
enum kind { BF16 = 0, INT8 = 1, INT4 = 2, BF16_DOT = 3 };
enum prologue { PLAIN = 0, RMS_NORM = 1, LAYER_NORM = 2, SWIGLU = 3, CONVOLVE = 4 };
enum epilogue { BIAS = 1, GELU = 2, ADD = 4 };

/* A product: y = epilogue(prologue(x) @ w^T). The same fields, in the same order, are declared in library.py. */
struct product {
    const void *w;          /* packed */
    const float *bias;      /* [n], with BIAS */
    const float *norm;      /* [k], with a norm */
    const float *norm_bias; /* [k], with LAYER_NORM */
    float eps;
    int kind, n, k, prologue, epilogue;
    /* With CONVOLVE, x is [images, height, width, channels], and k is kernel_height * kernel_width * channels. */
    int height, width, channels, kernel_height, kernel_width, stride_height, stride_width, padding;
};

static inline int ceil_div(int a, int b) { return (a + b - 1) / b; }
static inline int group_of(int kind) { return kind == INT8 ? GROUP8 : kind == INT4 ? GROUP4 : 2; }
static inline int tallest_of(int kind) { return kind == INT8 || kind == INT4 ? 6 : TALLEST; }

/* Bytes of one group of k of one panel: its scales and offsets, and its codes. */
static inline size_t group_bytes(int kind) {
    switch (kind) {
    case INT8: return PANEL * (8 + GROUP8);
    case INT4: return PANEL * (8 + GROUP4 / 2);
    default: return PANEL * 4;
    }
}
static inline size_t panel_bytes(int kind, int k) { return ceil_div(k, group_of(kind)) * group_bytes(kind); }

API size_t harken_packed_bytes(int kind, int n, int k) { return ceil_div(n, PANEL) * panel_bytes(kind, k); }

/* Whether this machine can run these kernels. */
API int harken_supported(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vnni");
}

/* ---- small vector functions ------------------------------------------------------------------------------------- */

/* e^x to about 2 ulp: 2^round(x/ln 2) times a polynomial on the rest (Cephes' expf). */
CPU static inline __m512 exp16(__m512 x) {
    x = _mm512_max_ps(_mm512_min_ps(x, _mm512_set1_ps(88.0f)), _mm512_set1_ps(-87.3f));
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(1.9875691500e-4f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3981999507e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3334519073e-3f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1665795894e-2f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666665459e-1f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.0000001201e-1f));
    p = _mm512_fmadd_ps(_mm512_mul_ps(p, r), r, _mm512_add_ps(r, _mm512_set1_ps(1.0f)));
    return _mm512_scalef_ps(p, n);
}

/* x * sigmoid(x); a NaN stays one. */
CPU static inline __m512 silu16(__m512 x) {
    __m512 e = exp16(_mm512_sub_ps(_mm512_setzero_ps(), x));
    return _mm512_div_ps(x, _mm512_add_ps(_mm512_set1_ps(1.0f), e));
}

/* GELU by erf (Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7). */
CPU static inline __m512 gelu16(__m512 x) {
    const __m512 one = _mm512_set1_ps(1.0f);
    __m512 z = _mm512_mul_ps(x, _mm512_set1_ps(0.70710678f));
    __m512 a = _mm512_abs_ps(z);
    __m512 t = _mm512_div_ps(one, _mm512_fmadd_ps(a, _mm512_set1_ps(0.3275911f), one));
    __m512 p = _mm512_set1_ps(1.061405429f);
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-1.453152027f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(1.421413741f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-0.284496736f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.254829592f));
    p = _mm512_mul_ps(p, t);
    __m512 tail = _mm512_mul_ps(p, exp16(_mm512_sub_ps(_mm512_setzero_ps(), _mm512_mul_ps(a, a))));
    __mmask16 is_negative = _mm512_cmp_ps_mask(z, _mm512_setzero_ps(), _CMP_LT_OQ);
    /* (1 + erf) / 2 is tail/2 left of zero and 1 - tail/2 right of it: no cancellation on either side. */
    tail = _mm512_mul_ps(tail, _mm512_set1_ps(0.5f));
    return _mm512_mul_ps(x, _mm512_mask_blend_ps(is_negative, _mm512_sub_ps(one, tail), tail));
}

CPU static inline __mmask16 first(int lanes) { return lanes >= 16 ? 0xffff : (__mmask16)((1u << lanes) - 1); }

/* float32 to bfloat16, to nearest even; a NaN stays one. */
CPU static inline __m256i bf16_of(__m512 x) {
    __m512i bits = _mm512_castps_si512(x);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    __mmask16 is_nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    rounded = _mm512_mask_mov_epi32(rounded, is_nan, _mm512_set1_epi32(0x7fc00000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
}
CPU static inline __m512 of_bf16(const uint16_t *p) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16));
}

/* ---- packing of weights ----------------------------------------------------------------------------------------- */

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

/* w: [n, k] bfloat16, out: harken_packed_bytes(kind, n, k). */
API void harken_pack(int kind, const uint16_t *w, int n, int k, void *out, int threads) {
    #pragma omp parallel for num_threads(threads) schedule(static)
    for (int panel = 0; panel < ceil_div(n, PANEL); panel++) {
        uint8_t *to = (uint8_t *)out + panel * panel_bytes(kind, k);
        if (kind == INT8 || kind == INT4)
            pack_codes(kind, w, n, k, panel * PANEL, to);
        else
            pack_pairs(w, n, k, panel * PANEL, (uint16_t *)to);
    }
}

/* ---- the way in: normalise, gate, re-order ---------------------------------------------------------------------- */

/* The patch of an image that one output of a convolution sees, [kernel_height, kernel_width, channels]; 0 outside. */
CPU static void gather(const struct product *p, const float *x, size_t row, float *out) {
    int wide = (p->width + 2 * p->padding - p->kernel_width) / p->stride_width + 1;
    int high = (p->height + 2 * p->padding - p->kernel_height) / p->stride_height + 1;
    const float *image = x + row / ((size_t)wide * high) * p->height * p->width * p->channels;
    int top = (int)(row / wide % high) * p->stride_height - p->padding;
    int left = (int)(row % wide) * p->stride_width - p->padding;
    for (int i = top; i < top + p->kernel_height; i++)
        for (int j = left; j < left + p->kernel_width; j++, out += p->channels)
            if (i >= 0 && i < p->height && j >= 0 && j < p->width)
                memcpy(out, image + ((size_t)i * p->width + j) * p->channels, sizeof(float) * p->channels);
            else
                memset(out, 0, sizeof(float) * p->channels);
}

/* One input row, [k] float32, after the prologue. */
CPU static void prepare(const struct product *p, const float *x, size_t x_stride, size_t row, float *out) {
    int k = p->k;
    if (p->prologue == CONVOLVE) {
        gather(p, x, row, out);
        return;
    }
    x += row * x_stride;
    if (p->prologue == PLAIN) {
        memcpy(out, x, sizeof(float) * k);
        return;
    }
    if (p->prologue == SWIGLU) {
        for (int i = 0; i < k; i += 16) {
            __mmask16 m = first(k - i);
            __m512 gate = _mm512_maskz_loadu_ps(m, x + i), up = _mm512_maskz_loadu_ps(m, x + k + i);
            _mm512_mask_storeu_ps(out + i, m, _mm512_mul_ps(silu16(gate), up));
        }
        return;
    }
    float mean = 0;
    if (p->prologue == LAYER_NORM) {
        __m512 sum = _mm512_setzero_ps();
        for (int i = 0; i < k; i += 16) sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(first(k - i), x + i));
        mean = _mm512_reduce_add_ps(sum) / (float)k;
    }
    __m512 centre = _mm512_set1_ps(mean), squares = _mm512_setzero_ps();
    for (int i = 0; i < k; i += 16) {
        __mmask16 m = first(k - i);
        __m512 value = _mm512_maskz_sub_ps(m, _mm512_maskz_loadu_ps(m, x + i), centre);
        squares = _mm512_fmadd_ps(value, value, squares);
    }
    __m512 scale = _mm512_set1_ps(1.0f / sqrtf(_mm512_reduce_add_ps(squares) / (float)k + p->eps));
    for (int i = 0; i < k; i += 16) {
        __mmask16 m = first(k - i);
        __m512 value = _mm512_mul_ps(_mm512_sub_ps(_mm512_maskz_loadu_ps(m, x + i), centre), scale);
        value = _mm512_mul_ps(value, _mm512_maskz_loadu_ps(m, p->norm + i));
        if (p->prologue == LAYER_NORM) value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(m, p->norm_bias + i));
        _mm512_mask_storeu_ps(out + i, m, value);
    }
}

/* Bytes of a tile's inputs: per row k values, or codes and, per group, a scale and the scaled sum of the codes. */
static size_t row_bytes(int kind, int k) {
    int groups = ceil_div(k, group_of(kind));
    switch (kind) {
    case INT8: case INT4: return (size_t)groups * (group_of(kind) + 8);
    case BF16_DOT: return (size_t)groups * 4;
    default: return (size_t)groups * 8;
    }
}

/* Re-order the rows of a tile, `stride` floats apart, for the inner loops. Rows have zeros behind k up to the group's end.
 * A stretch of all rows is moved at a time, so that what is written stays in the first-level cache meanwhile. */
CPU static void place(int kind, const float *in, size_t stride, int k, int rows, uint8_t *tile) {
    enum { STRETCH = 64 };
    int size = group_of(kind), groups = ceil_div(k, size);
    if (kind == BF16) {
        float *to = (float *)tile;
        for (int i = 0; i < 2 * groups; i += STRETCH)
            for (int r = 0; r < rows; r++)
                for (int j = i; j < i + STRETCH && j < 2 * groups; j++) to[(size_t)j * rows + r] = in[r * stride + j];
        return;
    }
    if (kind == BF16_DOT) {
        uint32_t *to = (uint32_t *)tile;
        for (int i = 0; i < groups; i += 16)
            for (int r = 0; r < rows; r++) {
                uint32_t pairs[16];
                const float *from = in + r * stride + 2 * i;
                int count = groups - i < 16 ? groups - i : 16;
                _mm256_storeu_si256((__m256i *)pairs, bf16_of(_mm512_maskz_loadu_ps(first(2 * count), from)));
                if (count > 8)
                    _mm256_storeu_si256((__m256i *)(pairs + 8), bf16_of(_mm512_maskz_loadu_ps(first(2 * count - 16), from + 16)));
                for (int j = 0; j < count; j++) to[(size_t)(i + j) * rows + r] = pairs[j];
            }
        return;
    }
    float *scales = (float *)tile, *sums = scales + (size_t)groups * rows;
    uint32_t *to = (uint32_t *)(sums + (size_t)groups * rows);
    for (int g = 0; g < groups; g++, in += size, to += (size_t)size / 4 * rows)
        for (int r = 0; r < rows; r++) {
            uint32_t codes[GROUP8 / 4];
            __m512 largest = _mm512_setzero_ps();
            __mmask16 broken = 0; /* NaN or infinite */
            for (int i = 0; i < size; i += 16) {
                __m512 value = _mm512_loadu_ps(in + r * stride + i);
                broken |= _mm512_fpclass_ps_mask(value, 0x99);
                largest = _mm512_max_ps(_mm512_abs_ps(value), largest);
            }
            float peak = _mm512_reduce_max_ps(largest);
            __m512 inverse = _mm512_set1_ps(peak > 0 ? 127.0f / peak : 0.0f);
            __m512i sum = _mm512_setzero_si512();
            for (int i = 0; i < size; i += 16) {
                __m512i code = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(in + r * stride + i), inverse));
                sum = _mm512_add_epi32(sum, code);
                _mm_storeu_si128((__m128i *)(codes + i / 4), _mm512_cvtsepi32_epi8(code));
            }
            /* Integers know no NaN: a scale that is one carries it into every output of the row, as floats would. */
            float scale = broken ? NAN : peak / 127.0f;
            scales[(size_t)g * rows + r] = scale;
            sums[(size_t)g * rows + r] = scale * (float)_mm512_reduce_add_epi32(sum);
            for (int i = 0; i < size / 4; i++) to[(size_t)i * rows + r] = codes[i];
        }
}

/* ---- the inner loops: a tile of R rows times a panel of 32 outputs ---------------------------------------------- */

/* Weights come from memory once per step. Fetched far ahead into the second-level cache and nearer into the first, they
 * come about a twentieth faster than by either alone. */
#define FETCH(p, hint) _mm_prefetch((const char *)(p), hint); _mm_prefetch((const char *)(p) + 64, hint)
#define AHEAD_OF(p) FETCH((p) + FAR, _MM_HINT_T2); FETCH((p) + NEAR, _MM_HINT_T0)

#define TILE_BF16(R)                                                                                                   \
    CPU static void bf16_##R(const uint8_t *tile, const uint8_t *w, int k, __m512 acc[][2]) {                         \
        const float *x = (const float *)tile;                                                                         \
        const __m512i high = _mm512_set1_epi32((int)0xffff0000);                                                      \
        __m512 a[R][2];                                                                                               \
        UNROLL for (int r = 0; r < R; r++) a[r][0] = a[r][1] = _mm512_setzero_ps();                                   \
        for (int pair = 0; pair < (k + 1) / 2; pair++, w += 128, x += 2 * R) {                                        \
            AHEAD_OF(w);                                                                                              \
            __m512i w0 = _mm512_loadu_si512(w), w1 = _mm512_loadu_si512(w + 64);                                      \
            __m512 e0 = _mm512_castsi512_ps(_mm512_slli_epi32(w0, 16));                                               \
            __m512 e1 = _mm512_castsi512_ps(_mm512_slli_epi32(w1, 16));                                               \
            UNROLL for (int r = 0; r < R; r++) {                                                                      \
                __m512 b = _mm512_set1_ps(x[r]);                                                                      \
                a[r][0] = _mm512_fmadd_ps(e0, b, a[r][0]), a[r][1] = _mm512_fmadd_ps(e1, b, a[r][1]);                 \
            }                                                                                                         \
            e0 = _mm512_castsi512_ps(_mm512_and_si512(w0, high));                                                     \
            e1 = _mm512_castsi512_ps(_mm512_and_si512(w1, high));                                                     \
            UNROLL for (int r = 0; r < R; r++) {                                                                      \
                __m512 b = _mm512_set1_ps(x[R + r]);                                                                  \
                a[r][0] = _mm512_fmadd_ps(e0, b, a[r][0]), a[r][1] = _mm512_fmadd_ps(e1, b, a[r][1]);                 \
            }                                                                                                         \
        }                                                                                                             \
        UNROLL for (int r = 0; r < R; r++) acc[r][0] = a[r][0], acc[r][1] = a[r][1];                                  \
    }

#define TILE_DOT(R)                                                                                                    \
    CPU_DOT static void dot_##R(const uint8_t *tile, const uint8_t *w, int k, __m512 acc[][2]) {                      \
        const uint32_t *x = (const uint32_t *)tile;                                                                   \
        __m512 a[R][2];                                                                                               \
        UNROLL for (int r = 0; r < R; r++) a[r][0] = a[r][1] = _mm512_setzero_ps();                                   \
        for (int pair = 0; pair < (k + 1) / 2; pair++, w += 128, x += R) {                                            \
            AHEAD_OF(w);                                                                                              \
            __m512bh w0 = (__m512bh)_mm512_loadu_si512(w), w1 = (__m512bh)_mm512_loadu_si512(w + 64);                 \
            UNROLL for (int r = 0; r < R; r++) {                                                                      \
                __m512bh b = (__m512bh)_mm512_set1_epi32((int)x[r]);                                                  \
                a[r][0] = _mm512_dpbf16_ps(a[r][0], w0, b), a[r][1] = _mm512_dpbf16_ps(a[r][1], w1, b);               \
            }                                                                                                         \
        }                                                                                                             \
        UNROLL for (int r = 0; r < R; r++) acc[r][0] = a[r][0], acc[r][1] = a[r][1];                                  \
    }

/* sum over groups of  sx * (s * sum(q * code) - m * sum(code)),  sx being the scale of the row's own codes. */
#define CLOSE_GROUP(R)                                                                                                 \
    UNROLL for (int r = 0; r < R; r++) {                                                                              \
        __m512 sx = _mm512_set1_ps(scales[r]), sum = _mm512_set1_ps(sums[r]);                                         \
        a[r][0] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(c[r][0]), _mm512_mul_ps(s0, sx), a[r][0]);                       \
        a[r][1] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(c[r][1]), _mm512_mul_ps(s1, sx), a[r][1]);                       \
        a[r][0] = _mm512_fnmadd_ps(m0, sum, a[r][0]), a[r][1] = _mm512_fnmadd_ps(m1, sum, a[r][1]);                   \
    }                                                                                                                 \
    scales += R, sums += R;

#define OPEN_GROUPS(R, SIZE)                                                                                           \
    int groups = (k + SIZE - 1) / SIZE;                                                                               \
    const float *scales = (const float *)tile, *sums = scales + groups * R;                                           \
    const int32_t *x = (const int32_t *)(sums + groups * R);                                                          \
    __m512 a[R][2];                                                                                                   \
    UNROLL for (int r = 0; r < R; r++) a[r][0] = a[r][1] = _mm512_setzero_ps();

#define OPEN_GROUP(R)                                                                                                  \
    __m512 s0 = _mm512_loadu_ps(w), s1 = _mm512_loadu_ps(w + 64);                                                     \
    __m512 m0 = _mm512_loadu_ps(w + 128), m1 = _mm512_loadu_ps(w + 192);                                              \
    __m512i c[R][2];                                                                                                  \
    UNROLL for (int r = 0; r < R; r++) c[r][0] = c[r][1] = _mm512_setzero_si512();                                    \
    w += 256;

#define TILE_INT8(R)                                                                                                   \
    CPU static void int8_##R(const uint8_t *tile, const uint8_t *w, int k, __m512 acc[][2]) {                         \
        OPEN_GROUPS(R, GROUP8)                                                                                        \
        for (int g = 0; g < groups; g++) {                                                                            \
            OPEN_GROUP(R)                                                                                             \
            for (int i = 0; i < GROUP8 / 4; i++, w += 128, x += R) {                                                  \
                AHEAD_OF(w);                                                                                          \
                __m512i w0 = _mm512_loadu_si512(w), w1 = _mm512_loadu_si512(w + 64);                                  \
                UNROLL for (int r = 0; r < R; r++) {                                                                  \
                    __m512i b = _mm512_set1_epi32(x[r]);                                                              \
                    c[r][0] = _mm512_dpbusd_epi32(c[r][0], w0, b), c[r][1] = _mm512_dpbusd_epi32(c[r][1], w1, b);     \
                }                                                                                                     \
            }                                                                                                         \
            CLOSE_GROUP(R)                                                                                            \
        }                                                                                                             \
        UNROLL for (int r = 0; r < R; r++) acc[r][0] = a[r][0], acc[r][1] = a[r][1];                                  \
    }

#define TILE_INT4(R)                                                                                                   \
    CPU static void int4_##R(const uint8_t *tile, const uint8_t *w, int k, __m512 acc[][2]) {                         \
        const __m512i low = _mm512_set1_epi8(15);                                                                     \
        OPEN_GROUPS(R, GROUP4)                                                                                        \
        for (int g = 0; g < groups; g++) {                                                                            \
            OPEN_GROUP(R)                                                                                             \
            for (int i = 0; i < GROUP4 / 8; i++, w += 128, x += 2 * R) {                                              \
                AHEAD_OF(w);                                                                                          \
                __m512i both0 = _mm512_loadu_si512(w), both1 = _mm512_loadu_si512(w + 64);                            \
                __m512i w0 = _mm512_and_si512(both0, low), w1 = _mm512_and_si512(both1, low);                         \
                UNROLL for (int r = 0; r < R; r++) {                                                                  \
                    __m512i b = _mm512_set1_epi32(x[r]);                                                              \
                    c[r][0] = _mm512_dpbusd_epi32(c[r][0], w0, b), c[r][1] = _mm512_dpbusd_epi32(c[r][1], w1, b);     \
                }                                                                                                     \
                w0 = _mm512_and_si512(_mm512_srli_epi16(both0, 4), low);                                              \
                w1 = _mm512_and_si512(_mm512_srli_epi16(both1, 4), low);                                              \
                UNROLL for (int r = 0; r < R; r++) {                                                                  \
                    __m512i b = _mm512_set1_epi32(x[R + r]);                                                          \
                    c[r][0] = _mm512_dpbusd_epi32(c[r][0], w0, b), c[r][1] = _mm512_dpbusd_epi32(c[r][1], w1, b);     \
                }                                                                                                     \
            }                                                                                                         \
            CLOSE_GROUP(R)                                                                                            \
        }                                                                                                             \
        UNROLL for (int r = 0; r < R; r++) acc[r][0] = a[r][0], acc[r][1] = a[r][1];                                  \
    }

#define TO_SIX(TILE) TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
#define TO_TWELVE(TILE) TO_SIX(TILE) TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12)
TO_TWELVE(TILE_BF16)
TO_TWELVE(TILE_DOT)
TO_SIX(TILE_INT8)
TO_SIX(TILE_INT4)

typedef void (*tile_loop)(const uint8_t *tile, const uint8_t *w, int k, __m512 acc[][2]);
static const tile_loop LOOPS[4][TALLEST + 1] = {
    {0, bf16_1, bf16_2, bf16_3, bf16_4, bf16_5, bf16_6, bf16_7, bf16_8, bf16_9, bf16_10, bf16_11, bf16_12},
    {0, int8_1, int8_2, int8_3, int8_4, int8_5, int8_6},
    {0, int4_1, int4_2, int4_3, int4_4, int4_5, int4_6},
    {0, dot_1, dot_2, dot_3, dot_4, dot_5, dot_6, dot_7, dot_8, dot_9, dot_10, dot_11, dot_12},
};

/* ---- the way out, and the product ------------------------------------------------------------------------------- */

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
static uint8_t *scratch(size_t bytes) {
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

/* ---- attention -------------------------------------------------------------------------------------------------- */

/* One layer's view of the cache, and where each row belongs. The same fields are declared in library.py. */
struct heads {
    uint16_t *keys, *values;      /* [slots, kv_heads, max_tokens, head_dim] bfloat16 */
    const int32_t *slots;         /* [rows] */
    const int32_t *positions;     /* [rows] */
    const float *cosines, *sines; /* [positions, head_dim / 2] */
    const float *q_norm, *k_norm; /* [head_dim] */
    float eps;
    int heads, kv_heads, head_dim, max_tokens;
};

static inline size_t cached_at(const struct heads *h, int row, int head) {
    return ((size_t)h->slots[row] * h->kv_heads + head) * h->max_tokens * h->head_dim;
}

/* Normalise one head and rotate its halves (i, i + head_dim/2) by the row's position. */
CPU static void turn(const struct heads *h, const float *norm, int position, float *head) {
    int half = h->head_dim / 2;
    const float *cosines = h->cosines + (size_t)position * half, *sines = h->sines + (size_t)position * half;
    __m512 squares = _mm512_setzero_ps();
    for (int i = 0; i < h->head_dim; i += 16) {
        __m512 value = _mm512_loadu_ps(head + i);
        squares = _mm512_fmadd_ps(value, value, squares);
    }
    __m512 scale = _mm512_set1_ps(1.0f / sqrtf(_mm512_reduce_add_ps(squares) / (float)h->head_dim + h->eps));
    for (int i = 0; i < half; i += 16) {
        __m512 a = _mm512_mul_ps(_mm512_mul_ps(_mm512_loadu_ps(head + i), scale), _mm512_loadu_ps(norm + i));
        __m512 b = _mm512_mul_ps(_mm512_mul_ps(_mm512_loadu_ps(head + half + i), scale), _mm512_loadu_ps(norm + half + i));
        __m512 c = _mm512_loadu_ps(cosines + i), s = _mm512_loadu_ps(sines + i);
        _mm512_storeu_ps(head + i, _mm512_fmsub_ps(a, c, _mm512_mul_ps(b, s)));
        _mm512_storeu_ps(head + half + i, _mm512_fmadd_ps(b, c, _mm512_mul_ps(a, s)));
    }
}

CPU static void store(const float *head, int size, uint16_t *to) {
    for (int i = 0; i < size; i += 16) _mm256_storeu_si256((__m256i *)(to + i), bf16_of(_mm512_loadu_ps(head + i)));
}

/* Turn scores into weights that still lack a factor, which is returned: one over their sum. */
CPU static inline __m512 softmax(float *scores, int count, __m512 scale) {
    __m512 peaks = _mm512_set1_ps(-INFINITY), total = _mm512_setzero_ps();
    for (int t = 0; t < count; t += 16) {
        __mmask16 m = first(count - t);
        peaks = _mm512_mask_max_ps(peaks, m, peaks, _mm512_maskz_loadu_ps(m, scores + t));
    }
    __m512 peak = _mm512_set1_ps(_mm512_reduce_max_ps(peaks));
    for (int t = 0; t < count; t += 16) {
        __mmask16 m = first(count - t);
        __m512 weight = exp16(_mm512_mul_ps(_mm512_sub_ps(_mm512_maskz_loadu_ps(m, scores + t), peak), scale));
        total = _mm512_mask_add_ps(total, m, total, weight);
        _mm512_mask_storeu_ps(scores + t, m, weight);
    }
    return _mm512_set1_ps(1.0f / _mm512_reduce_add_ps(total));
}

/* HEADS query heads over the same `count` keys, `stride` values apart: scores, softmax, weighted values. DIM vectors of
 * 16 per head; LOAD widens 16 of TYPE to float32, once for all heads. scores: [HEADS][room]. */
#define ATTEND(NAME, HEADS, DIM, TYPE, LOAD)                                                                           \
    CPU static void NAME(const float *q, const TYPE *keys, const TYPE *values, size_t stride, int count,              \
                         float *scores, size_t room, float *out) {                                                    \
        const __m512 scale = _mm512_set1_ps(1.0f / sqrtf(16.0f * DIM));                                               \
        for (int t = 0; t < count; t++) {                                                                             \
            const TYPE *key = keys + t * stride;                                                                      \
            /* Both come from memory, and the values are wanted as soon as the scores are known. */                   \
            for (size_t i = 0; i < sizeof(TYPE) * 16 * DIM; i += 64) {                                                \
                _mm_prefetch((const char *)(key + 16 * stride) + i, _MM_HINT_T0);                                     \
                _mm_prefetch((const char *)(values + t * stride) + i, _MM_HINT_T1);                                   \
            }                                                                                                         \
            __m512 sum[HEADS];                                                                                        \
            UNROLL for (int h = 0; h < HEADS; h++) sum[h] = _mm512_setzero_ps();                                      \
            UNROLL for (int i = 0; i < DIM; i++) {                                                                    \
                __m512 part = LOAD(key + 16 * i);                                                                     \
                UNROLL for (int h = 0; h < HEADS; h++)                                                                \
                    sum[h] = _mm512_fmadd_ps(_mm512_loadu_ps(q + (h * DIM + i) * 16), part, sum[h]);                  \
            }                                                                                                         \
            UNROLL for (int h = 0; h < HEADS; h++) scores[h * room + t] = _mm512_reduce_add_ps(sum[h]);               \
        }                                                                                                             \
        __m512 mixed[HEADS][DIM], share[HEADS];                                                                       \
        UNROLL for (int h = 0; h < HEADS; h++) {                                                                      \
            share[h] = softmax(scores + h * room, count, scale);                                                      \
            UNROLL for (int i = 0; i < DIM; i++) mixed[h][i] = _mm512_setzero_ps();                                   \
        }                                                                                                             \
        for (int t = 0; t < count; t++)                                                                               \
            UNROLL for (int i = 0; i < DIM; i++) {                                                                    \
                __m512 part = LOAD(values + t * stride + 16 * i);                                                     \
                UNROLL for (int h = 0; h < HEADS; h++)                                                                \
                    mixed[h][i] = _mm512_fmadd_ps(_mm512_set1_ps(scores[h * room + t]), part, mixed[h][i]);           \
            }                                                                                                         \
        UNROLL for (int h = 0; h < HEADS; h++)                                                                        \
            UNROLL for (int i = 0; i < DIM; i++)                                                                      \
                _mm512_storeu_ps(out + (h * DIM + i) * 16, _mm512_mul_ps(mixed[h][i], share[h]));                     \
    }

#define ATTEND_ALL(NAME, TYPE, LOAD)                                                                                   \
    ATTEND(NAME##_1_2, 1, 2, TYPE, LOAD)                                                                              \
    ATTEND(NAME##_1_4, 1, 4, TYPE, LOAD)                                                                              \
    ATTEND(NAME##_1_8, 1, 8, TYPE, LOAD)                                                                              \
    ATTEND(NAME##_2_2, 2, 2, TYPE, LOAD)                                                                              \
    ATTEND(NAME##_2_4, 2, 4, TYPE, LOAD)                                                                              \
    ATTEND(NAME##_2_8, 2, 8, TYPE, LOAD)                                                                              \
    CPU static void NAME(int dim, const float *q, int group, const TYPE *keys, const TYPE *values, size_t stride,     \
                         int count, float *scores, size_t room, float *out) {                                         \
        int heads = group % 2 ? 1 : 2;                                                                                \
        for (int h = 0; h < group; h += heads, q += heads * dim, out += heads * dim) {                                \
            if (heads == 2 && dim == 128) NAME##_2_8(q, keys, values, stride, count, scores, room, out);              \
            else if (heads == 2 && dim == 64) NAME##_2_4(q, keys, values, stride, count, scores, room, out);          \
            else if (heads == 2) NAME##_2_2(q, keys, values, stride, count, scores, room, out);                       \
            else if (dim == 128) NAME##_1_8(q, keys, values, stride, count, scores, room, out);                       \
            else if (dim == 64) NAME##_1_4(q, keys, values, stride, count, scores, room, out);                        \
            else NAME##_1_2(q, keys, values, stride, count, scores, room, out);                                       \
        }                                                                                                             \
    }
ATTEND_ALL(attend_cached, uint16_t, of_bf16)
ATTEND_ALL(attend_fresh, float, _mm512_loadu_ps)

/* Whether there is a loop for heads of this size. */
API int harken_has_heads_of(int head_dim) { return head_dim == 32 || head_dim == 64 || head_dim == 128; }

/* qkv: [rows, (heads + 2 kv_heads) * head_dim]. Normalises and rotates queries (in place) and keys, stores keys and
 * values at each row's place in the cache, then attends to all places of the row's slot up to its own.
 * out: [rows, heads * head_dim]. Rows of one slot may come in any order. Returns 0, or -1 without memory. */
CPU API int harken_attend(const struct heads *h, float *qkv, int rows, float *out, int threads) {
    int d = h->head_dim, group = h->heads / h->kv_heads, all = h->heads + 2 * h->kv_heads;
    size_t room = ((size_t)h->max_tokens + 15) / 16 * 16, of_line = 2 * room * sizeof(float);
    uint8_t *memory = scratch(of_line * threads);
    if (!memory) return -1;
    #pragma omp parallel num_threads(threads)
    {
        float *scores = (float *)(memory + of_line * omp_get_thread_num());
        #pragma omp for schedule(static)
        for (int row = 0; row < rows; row++) {
            float *q = qkv + (size_t)row * all * d, *k = q + h->heads * d, *v = k + h->kv_heads * d;
            for (int i = 0; i < h->heads; i++) turn(h, h->q_norm, h->positions[row], q + i * d);
            for (int i = 0; i < h->kv_heads; i++) {
                size_t at = cached_at(h, row, i) + (size_t)h->positions[row] * d;
                turn(h, h->k_norm, h->positions[row], k + i * d);
                store(k + i * d, d, h->keys + at);
                store(v + i * d, d, h->values + at);
            }
        }
        #pragma omp for schedule(dynamic, 4)
        for (int task = 0; task < rows * h->kv_heads; task++) {
            int row = task / h->kv_heads, kv = task % h->kv_heads;
            const float *q = qkv + ((size_t)row * all + kv * group) * d;
            float *to = out + ((size_t)row * h->heads + kv * group) * d;
            size_t at = cached_at(h, row, kv);
            attend_cached(d, q, group, h->keys + at, h->values + at, d, h->positions[row] + 1, scores, room, to);
        }
    }
    return 0;
}

/* qkv: [rows, 3 * heads * head_dim]. Row r attends, in both directions, to the rows from starts[r] up to ends[r].
 * out: [rows, heads * head_dim]. Returns 0, or -1 without memory. */
CPU API int harken_attend_windows(const float *qkv, int rows, int heads, int head_dim, const int32_t *starts,
                                  const int32_t *ends, int longest, float *out, int threads) {
    size_t width = (size_t)heads * head_dim, stride = 3 * width;
    size_t room = ((size_t)longest + 15) / 16 * 16, of_line = room * sizeof(float);
    uint8_t *memory = scratch(of_line * threads);
    if (!memory) return -1;
    #pragma omp parallel num_threads(threads)
    {
        float *scores = (float *)(memory + of_line * omp_get_thread_num());
        #pragma omp for schedule(static)
        for (int task = 0; task < rows * heads; task++) {
            int row = task % rows, head = task / rows;
            const float *keys = qkv + starts[row] * stride + width + head * head_dim;
            attend_fresh(head_dim, qkv + row * stride + head * head_dim, 1, keys, keys + width, stride,
                         ends[row] - starts[row], scores, room, out + row * width + head * head_dim);
        }
    }
    return 0;
}

/* ---- which arithmetic -------------------------------------------------------------------------------------------- */

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* How many times faster the bfloat16 dot product is than two multiplications in float32, on this machine: it ranges from
 * half (Intel without AMX) to twice (AMD since Zen 4). 0 where the machine has none. */
CPU_DOT static double time_loop(tile_loop loop, const uint8_t *x, const uint8_t *w) {
    double best = 1e9;
    for (int i = 0; i < 20; i++) {
        __m512 acc[TALLEST][2];
        double began = seconds();
        loop(x, w, 256, acc);
        __asm__ volatile("" ::"m"(acc));
        double took = seconds() - began;
        best = took < best ? took : best;
    }
    return best;
}
API double harken_dot_gain(void) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx512bf16")) return 0;
    uint8_t *memory = calloc(1, 65536);
    if (!memory) return 0;
    double plain = time_loop(bf16_12, memory, memory + 32768), dot = time_loop(dot_12, memory, memory + 32768);
    free(memory);
    return plain / dot;
}
