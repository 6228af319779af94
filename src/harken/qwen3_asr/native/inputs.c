/* The way in: each input row is normalised, gated or gathered, then rows are re-ordered or rounded for the inner loops. */
#include "kernels.h"

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
CPU void prepare(const struct product *p, const float *x, size_t x_stride, size_t row, float *out) {
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
size_t row_bytes(int kind, int k) {
    int groups = ceil_div(k, group_of(kind));
    switch (kind) {
    case INT8: case INT4: return (size_t)groups * (group_of(kind) + 8);
    case BF16_DOT: return (size_t)groups * 4;
    default: return (size_t)groups * 8;
    }
}

/* Re-order the rows of a tile, `stride` floats apart, for the inner loops. Rows have zeros behind k up to the group's end.
 * A stretch of all rows is moved at a time, so that what is written stays in the first-level cache meanwhile. */
CPU void place(int kind, const float *in, size_t stride, int k, int rows, uint8_t *tile) {
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
