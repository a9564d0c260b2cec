// The operations of the model that are not plain matrix products, in float32. Sums are taken in a
// fixed order (no atomics), so that repeated runs have the same bits. HW is the width of a head.

typedef unsigned short u16;
typedef long long i64;

__device__ float warp_sum(float x) {
    for (int o = 16; o > 0; o >>= 1) x += __shfl_xor_sync(0xffffffffu, x, o);
    return x;
}

__device__ float block_sum(float x, float* shared) {
    int t = threadIdx.x;
    x = warp_sum(x);
    __syncthreads();
    if ((t & 31) == 0) shared[t >> 5] = x;
    __syncthreads();
    float sum = 0.0f;
    for (int i = 0; i < (int)(blockDim.x >> 5); i++) sum += shared[i];
    return sum;
}

__device__ float block_max(float x, float* shared) {
    int t = threadIdx.x;
    for (int o = 16; o > 0; o >>= 1) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, o));
    __syncthreads();
    if ((t & 31) == 0) shared[t >> 5] = x;
    __syncthreads();
    float largest = shared[0];
    for (int i = 1; i < (int)(blockDim.x >> 5); i++) largest = fmaxf(largest, shared[i]);
    return largest;
}

__device__ i64 index() { return (i64)blockIdx.x * blockDim.x + threadIdx.x; }

extern "C" __global__ void scale(float factor, const float* from, float* to, i64 n) {
    i64 i = index();
    if (i < n) to[i] = factor * from[i];
}

extern "C" __global__ void gather(const float* table, const u16* tokens, float* out, i64 d, i64 n) {
    i64 i = index();
    if (i < n) out[i] = table[(i64)tokens[i / d] * d + i % d];
}

// One block a token and 32 columns; `order` holds the rows of token v at offsets[v]..offsets[v+1].
extern "C" __global__ void scatter_add(const float* rows, const unsigned* order,
                                       const unsigned* offsets, float* table, i64 d) {
    __shared__ float part[16][33];
    i64 column = (i64)blockIdx.y * 32 + threadIdx.x;
    unsigned begin = offsets[blockIdx.x], end = offsets[blockIdx.x + 1];
    if (begin == end) return;
    float sum = 0.0f;
    if (column < d)
        for (unsigned i = begin + threadIdx.y; i < end; i += 16) sum += rows[(i64)order[i] * d + column];
    part[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && column < d) {
        for (int i = 1; i < 16; i++) sum += part[i][threadIdx.x];
        table[(i64)blockIdx.x * d + column] += sum;
    }
}

// One warp a row, eight rows a block.
extern "C" __global__ void rmsnorm(const float* x, const float* gain, float* y, float* inverse,
                                   i64 d, i64 rows, float epsilon) {
    i64 row = (i64)blockIdx.x * 8 + threadIdx.y;
    if (row >= rows) return;
    x += row * d, y += row * d;
    float squares = 0.0f;
    for (i64 i = threadIdx.x; i < d; i += 32) squares += x[i] * x[i];
    float r = 1.0f / sqrtf(warp_sum(squares) / (float)d + epsilon);
    if (threadIdx.x == 0) inverse[row] = r;
    for (i64 i = threadIdx.x; i < d; i += 32) y[i] = x[i] * r * gain[i];
}

extern "C" __global__ void rmsnorm_dx(const float* x, const float* gain, const float* inverse,
                                      const float* dy, float* dx, i64 d, i64 rows, int add) {
    i64 row = (i64)blockIdx.x * 8 + threadIdx.y;
    if (row >= rows) return;
    x += row * d, dy += row * d, dx += row * d;
    float r = inverse[row], products = 0.0f;
    for (i64 i = threadIdx.x; i < d; i += 32) products += x[i] * dy[i] * gain[i];
    float mean = warp_sum(products) * r * r / (float)d;
    for (i64 i = threadIdx.x; i < d; i += 32)
        dx[i] = (add ? dx[i] : 0.0f) + r * (gain[i] * dy[i] - x[i] * mean);
}

// Block (column / 32, part of the rows); one partial sum a column and part.
extern "C" __global__ void rmsnorm_dgain_parts(const float* x, const float* inverse, const float* dy,
                                               float* parts, i64 d, i64 rows) {
    __shared__ float part[8][33];
    i64 column = (i64)blockIdx.x * 32 + threadIdx.x;
    float sum = 0.0f;
    if (column < d)
        for (i64 row = (i64)blockIdx.y * 8 + threadIdx.y; row < rows; row += (i64)gridDim.y * 8)
            sum += dy[row * d + column] * x[row * d + column] * inverse[row];
    part[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && column < d) {
        for (int i = 1; i < 8; i++) sum += part[i][threadIdx.x];
        parts[(i64)blockIdx.y * d + column] = sum;
    }
}

extern "C" __global__ void rmsnorm_dgain(const float* parts, float* dgain, i64 d, int count,
                                         float factor, int add) {
    i64 column = index();
    if (column >= d) return;
    float sum = 0.0f;
    for (int i = 0; i < count; i++) sum += parts[(i64)i * d + column];
    dgain[column] = (add ? dgain[column] : 0.0f) + sum * factor;
}

// `turned` heads of each row of `stride` elements; n pairs in all.
extern "C" __global__ void rotate(float* x, const float* cosine, const float* sine, i64 stride,
                                  i64 turned, i64 context, float direction, i64 n) {
    const i64 half = HW / 2;
    i64 i = index();
    if (i >= n) return;
    i64 pair = i % half, head = i / half % turned, row = i / half / turned;
    float c = cosine[row % context * half + pair], s = direction * sine[row % context * half + pair];
    float* at = x + row * stride + head * HW + pair;
    float a = at[0], b = at[half];
    at[0] = a * c - b * s;
    at[half] = b * c + a * s;
}

#define ROWS 64
#define TILE 32

// Attention with the softmax taken as keys come (Dao et al. 2022, arXiv 2205.14135): one thread a
// query; grid (blocks of queries, heads, sequences). Keeps the logarithm of each query's sum.
extern "C" __global__ void attention(const float* qkv, float* kept, float* out, int t, int d,
                                     float factor) {
    __shared__ float keys[TILE][HW], values[TILE][HW];
    i64 stride = 3 * (i64)d;
    int query = blockIdx.x * ROWS + threadIdx.x, head = blockIdx.y;
    const float* base = qkv + (i64)blockIdx.z * t * stride + head * HW;
    bool active = query < t;
    float q[HW], o[HW];
#pragma unroll
    for (int i = 0; i < HW; i++) {
        q[i] = active ? base[query * stride + i] * factor : 0.0f;
        o[i] = 0.0f;
    }
    float largest = -__int_as_float(0x7f800000), total = 0.0f;
    int end = min(t, (int)(blockIdx.x + 1) * ROWS);
    for (int first = 0; first < end; first += TILE) {
        int count = min(TILE, end - first);
        __syncthreads();
        for (int i = threadIdx.x; i < count * HW; i += ROWS) {
            const float* at = base + (i64)(first + i / HW) * stride + d + i % HW;
            keys[i / HW][i % HW] = at[0];
            values[i / HW][i % HW] = at[d];
        }
        __syncthreads();
        int seen = active ? min(count, query + 1 - first) : 0;
        for (int j = 0; j < seen; j++) {
            float s = 0.0f;
#pragma unroll
            for (int i = 0; i < HW; i++) s += q[i] * keys[j][i];
            if (s > largest) {
                float shrink = expf(largest - s);
                total *= shrink;
#pragma unroll
                for (int i = 0; i < HW; i++) o[i] *= shrink;
                largest = s;
            }
            float p = expf(s - largest);
            total += p;
#pragma unroll
            for (int i = 0; i < HW; i++) o[i] += p * values[j][i];
        }
    }
    if (!active) return;
    float* to = out + ((i64)blockIdx.z * t + query) * d + head * HW;
#pragma unroll
    for (int i = 0; i < HW; i++) to[i] = o[i] / total;
    kept[((i64)blockIdx.z * gridDim.y + head) * t + query] = largest + logf(total);
}

// dQ, one thread a query; and of each query the product of its output with its gradient.
extern "C" __global__ void attention_dq(const float* qkv, const float* kept, const float* out,
                                        const float* dout, float* dqkv, float* products, int t,
                                        int d, float factor) {
    __shared__ float keys[TILE][HW], values[TILE][HW];
    i64 stride = 3 * (i64)d;
    int query = blockIdx.x * ROWS + threadIdx.x, head = blockIdx.y;
    const float* base = qkv + (i64)blockIdx.z * t * stride + head * HW;
    bool active = query < t;
    i64 row = ((i64)blockIdx.z * t + query) * d + head * HW;
    i64 own = ((i64)blockIdx.z * gridDim.y + head) * t + query;
    float q[HW], g[HW], dq[HW], product = 0.0f;
#pragma unroll
    for (int i = 0; i < HW; i++) {
        q[i] = active ? base[query * stride + i] * factor : 0.0f;
        g[i] = active ? dout[row + i] : 0.0f;
        product += active ? g[i] * out[row + i] : 0.0f;
        dq[i] = 0.0f;
    }
    float level = active ? kept[own] : 0.0f;
    if (active) products[own] = product;
    int end = min(t, (int)(blockIdx.x + 1) * ROWS);
    for (int first = 0; first < end; first += TILE) {
        int count = min(TILE, end - first);
        __syncthreads();
        for (int i = threadIdx.x; i < count * HW; i += ROWS) {
            const float* at = base + (i64)(first + i / HW) * stride + d + i % HW;
            keys[i / HW][i % HW] = at[0];
            values[i / HW][i % HW] = at[d];
        }
        __syncthreads();
        int seen = active ? min(count, query + 1 - first) : 0;
        for (int j = 0; j < seen; j++) {
            float s = 0.0f, dp = 0.0f;
#pragma unroll
            for (int i = 0; i < HW; i++) {
                s += q[i] * keys[j][i];
                dp += g[i] * values[j][i];
            }
            float ds = expf(s - level) * (dp - product) * factor;
#pragma unroll
            for (int i = 0; i < HW; i++) dq[i] += ds * keys[j][i];
        }
    }
    if (!active) return;
    float* to = dqkv + ((i64)blockIdx.z * t + query) * stride + head * HW;
#pragma unroll
    for (int i = 0; i < HW; i++) to[i] = dq[i];
}

// dK and dV, one thread a key, over the queries from that key on.
extern "C" __global__ void attention_dkv(const float* qkv, const float* kept, const float* products,
                                         const float* dout, float* dqkv, int t, int d,
                                         float factor) {
    __shared__ float queries[TILE][HW], grads[TILE][HW], level[TILE], product[TILE];
    i64 stride = 3 * (i64)d;
    int key = blockIdx.x * ROWS + threadIdx.x, head = blockIdx.y;
    const float* base = qkv + (i64)blockIdx.z * t * stride + head * HW;
    i64 row = (i64)blockIdx.z * t * d + head * HW;
    i64 own = ((i64)blockIdx.z * gridDim.y + head) * t;
    bool active = key < t;
    float k[HW], v[HW], dk[HW], dv[HW];
#pragma unroll
    for (int i = 0; i < HW; i++) {
        k[i] = active ? base[key * stride + d + i] : 0.0f;
        v[i] = active ? base[key * stride + 2 * d + i] : 0.0f;
        dk[i] = dv[i] = 0.0f;
    }
    for (int first = blockIdx.x * ROWS; first < t; first += TILE) {
        int count = min(TILE, t - first);
        __syncthreads();
        for (int i = threadIdx.x; i < count * HW; i += ROWS) {
            queries[i / HW][i % HW] = base[(first + i / HW) * stride + i % HW] * factor;
            grads[i / HW][i % HW] = dout[row + (i64)(first + i / HW) * d + i % HW];
        }
        if (threadIdx.x < count) {
            level[threadIdx.x] = kept[own + first + threadIdx.x];
            product[threadIdx.x] = products[own + first + threadIdx.x];
        }
        __syncthreads();
        for (int j = active ? max(0, key - first) : count; j < count; j++) {
            float s = 0.0f, dp = 0.0f;
#pragma unroll
            for (int i = 0; i < HW; i++) {
                s += queries[j][i] * k[i];
                dp += grads[j][i] * v[i];
            }
            float p = expf(s - level[j]);
            float ds = p * (dp - product[j]);
#pragma unroll
            for (int i = 0; i < HW; i++) {
                dv[i] += p * grads[j][i];
                dk[i] += ds * queries[j][i];
            }
        }
    }
    if (!active) return;
    float* to = dqkv + ((i64)blockIdx.z * t + key) * stride + d + head * HW;
#pragma unroll
    for (int i = 0; i < HW; i++) {
        to[i] = dk[i];
        to[d + i] = dv[i];
    }
}

extern "C" __global__ void gelu(float* x, float* y, i64 n) {
    i64 i = index();
    if (i >= n) return;
    const float root = 0.7978846f, cubic = 0.044715f;
    float value = x[i], square = value * value;
    float sigma = 1.0f / (1.0f + expf(-2.0f * root * value * (1.0f + cubic * square)));
    y[i] = value * sigma;
    x[i] = sigma + value * sigma * (1.0f - sigma) * 2.0f * root * (1.0f + 3.0f * cubic * square);
}

extern "C" __global__ void multiply(const float* by, float* to, i64 n) {
    i64 i = index();
    if (i < n) to[i] *= by[i];
}

// Gates and values side by side in rows of 2 h; replaced by the derivatives by both. n = rows · h.
extern "C" __global__ void swiglu(float* x, float* y, i64 h, i64 n) {
    i64 i = index();
    if (i >= n) return;
    float* gate = x + i / h * 2 * h + i % h;
    float g = gate[0], v = gate[h], sigma = 1.0f / (1.0f + expf(-g)), silu = g * sigma;
    y[i] = silu * v;
    gate[0] = (sigma + silu * (1.0f - sigma)) * v;
    gate[h] = silu;
}

// n = rows · 2 h.
extern "C" __global__ void swiglu_backward(const float* derivatives, const float* dy, float* dx,
                                           i64 h, i64 n) {
    i64 i = index();
    if (i < n) dx[i] = derivatives[i] * dy[i / (2 * h) * h + i % h];
}

// One block a row. With `backward` the logits become the gradient of weight · loss.
extern "C" __global__ void cross_entropy(float* logits, const u16* targets, float* losses,
                                         int vocabulary, float weight, int backward) {
    __shared__ float shared[32];
    float* z = logits + (i64)blockIdx.x * vocabulary;
    int target = targets[blockIdx.x];
    float largest = -__int_as_float(0x7f800000), sum = 0.0f;
    for (int i = threadIdx.x; i < vocabulary; i += blockDim.x) largest = fmaxf(largest, z[i]);
    largest = block_max(largest, shared);
    float z_target = z[target];
    for (int i = threadIdx.x; i < vocabulary; i += blockDim.x) sum += expf(z[i] - largest);
    sum = block_sum(sum, shared);
    if (threadIdx.x == 0) losses[blockIdx.x] = logf(sum) + largest - z_target;
    if (!backward) return;
    __syncthreads();
    float factor = weight / sum;
    for (int i = threadIdx.x; i < vocabulary; i += blockDim.x)
        z[i] = expf(z[i] - largest) * factor - (i == target ? weight : 0.0f);
}

__device__ double sum_of_256(double x) {
    __shared__ double shared[256];
    shared[threadIdx.x] = x;
    __syncthreads();
    for (int o = 128; o > 0; o >>= 1) {
        if (threadIdx.x < o) shared[threadIdx.x] += shared[threadIdx.x + o];
        __syncthreads();
    }
    return shared[0];
}

// sums[0] = Σ losses, or added to it; one block of 256.
extern "C" __global__ void sum_losses(const float* losses, double* sums, i64 n, int add) {
    double sum = 0.0;
    for (i64 i = threadIdx.x; i < n; i += 256) sum += losses[i];
    sum = sum_of_256(sum);
    if (threadIdx.x == 0) sums[0] = (add ? sums[0] : 0.0) + sum;
}

// 256 blocks of 256, one partial sum of squares each, from sums[2] on.
extern "C" __global__ void squares(const float* gradient, double* sums, i64 n) {
    double sum = 0.0;
    for (i64 i = index(); i < n; i += 65536) sum += (double)gradient[i] * gradient[i];
    sum = sum_of_256(sum);
    if (threadIdx.x == 0) sums[2 + blockIdx.x] = sum;
}

// sums[1] = the gradient's norm; one block of 256.
extern "C" __global__ void gradient_norm(double* sums) {
    double sum = sum_of_256(sums[2 + threadIdx.x]);
    if (threadIdx.x == 0) sums[1] = sqrt(sum);
}

// AdamW on one tensor; nothing where the loss or the norm is not finite.
extern "C" __global__ void adamw(float* w, const float* gradient, float* first, float* second, i64 n,
                                 const double* sums, float clip, float beta1, float beta2,
                                 float rate, float root, float keep, float epsilon) {
    i64 i = index();
    double length = sums[1];
    if (i >= n || !isfinite(length) || !isfinite(sums[0])) return;
    float g = gradient[i] * (length > clip ? (float)(clip / length) : 1.0f);
    float m = first[i] + (1.0f - beta1) * (g - first[i]);
    float v = beta2 * second[i] + (1.0f - beta2) * g * g;
    first[i] = m;
    second[i] = v;
    w[i] = w[i] * keep - rate * m / (sqrtf(v) * root + epsilon);
}
