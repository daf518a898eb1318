// What scalar code shared by host and device needs from the compiler.
//
// MILLRACE_HD marks a function that both sides compile. Inlining is forced: a template compiled by
// two compilers leaves no symbol that the linker could merge with the other's. This is the only
// header outside kernels/cuda/ that knows that there are two sides.
#ifndef MILLRACE_KERNELS_MATH_PLATFORM_H_
#define MILLRACE_KERNELS_MATH_PLATFORM_H_

#ifdef __CUDACC__
#define MILLRACE_HD __host__ __device__ __forceinline__
#else
#define MILLRACE_HD [[gnu::always_inline]] inline
#endif

#endif  // MILLRACE_KERNELS_MATH_PLATFORM_H_
