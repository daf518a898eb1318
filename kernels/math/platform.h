// What scalar code shared by host and device needs from the compiler.
//
// MILLRACE_HD marks a function that both sides compile. Inlining is forced: a template compiled by
// two compilers leaves no symbol that the linker could merge with the other's. MILLRACE_HD_CALL
// marks a large body of which one of many runs at a time: device code calls it, so that it is
// compiled once. It is for templates over an executor that only one of the two compilers knows.
// This is the only header outside kernels/cuda/ that knows that there are two sides.
#ifndef MILLRACE_KERNELS_MATH_PLATFORM_H_
#define MILLRACE_KERNELS_MATH_PLATFORM_H_

#ifdef __CUDACC__
#define MILLRACE_HD __host__ __device__ __forceinline__
#define MILLRACE_HD_CALL __host__ __device__ __noinline__
#else
#define MILLRACE_HD [[gnu::always_inline]] inline
#define MILLRACE_HD_CALL inline
#endif

#endif  // MILLRACE_KERNELS_MATH_PLATFORM_H_
