/**
 * Log-linear buckets of a latency in microseconds: 16 linear sub-buckets for each power of two, so a bucket is at most
 * 6.25 % wide. Index 0 holds 0 us; the last one holds everything from about 68 s up.
 */
export const latencyBucketCount = 368;

const subBucketBits = 4;
const subBuckets = 1 << subBucketBits;

/** Bucket of a latency; `latencyUs` is >= 0, fractions are cut. */
export function latencyBucket(latencyUs: number): number {
  const us = Math.max(0, Math.floor(latencyUs));
  if (us < subBuckets) return us;
  const exponent = Math.floor(Math.log2(us));
  const shift = exponent - subBucketBits;
  const sub = Math.floor(us / 2 ** shift) - subBuckets;
  return Math.min(latencyBucketCount - 1, (shift + 1) * subBuckets + sub);
}

/** Smallest latency of a bucket in microseconds; bucket b holds [lower(b), lower(b + 1)). */
export function latencyBucketLowerUs(bucket: number): number {
  if (bucket < subBuckets) return bucket;
  const shift = Math.floor(bucket / subBuckets) - 1;
  return (subBuckets + (bucket % subBuckets)) * 2 ** shift;
}
