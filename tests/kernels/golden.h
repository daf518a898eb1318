// Digests of every operation's and scalar function's results, as tests/kernels/bits_test.cc forms
// them.
//
// They change only together with kKernelRevision: a test that fails here prints the digest it
// found; it is recorded under the new revision, never under the old one.
#ifndef MILLRACE_TESTS_KERNELS_GOLDEN_H_
#define MILLRACE_TESTS_KERNELS_GOLDEN_H_

#include <cstdint>
#include <string>

namespace millrace::kernels {

inline constexpr int kGoldenRevision = 2;

struct Golden {
  const char* name;
  std::uint64_t digest;
};
inline constexpr Golden kGolden[] = {
    {"ExpFloat", 0xeb0e35a87c51207bu},
    {"ExpDouble", 0xf27e829ff27065bcu},
    {"LogFloat", 0x516ba49e37956d54u},
    {"LogDouble", 0x28b5a4b049f764a4u},
    {"TanhFloat", 0x31382b0c903ba360u},
    {"TanhDouble", 0xd7c076056aa2f30eu},
    {"SigmoidFloat", 0xfa6bb6f0cb2b91edu},
    {"SigmoidDouble", 0x59c8cc23ca12664du},
    {"MatVecFloat", 0x5a370847bb75280du},
    {"MatVecDouble", 0x8a0c9ff7ca73561bu},
    {"AddMatVecFloat", 0xfabaa7e8e67b0034u},
    {"AddMatVecDouble", 0xaba2dff447b7310au},
    {"AddScaledFloat", 0x872f2393d88b4306u},
    {"AddScaledDouble", 0xfb74f9870712a39au},
    {"TransposedMatVecFloat", 0xc30dfc7015c7b9c5u},
    {"TransposedMatVecDouble", 0x8fc2e98dd94c47b7u},
    {"DotFloat", 0x2a31011698c588abu},
    {"DotDouble", 0xb8b339ab30c3ca01u},
    {"SumSquaresFloat", 0x25335738528aab80u},
    {"SumSquaresDouble", 0x64ba8f1c5de12546u},
    {"ScaleFloat", 0x110227237fc031d1u},
    {"ScaleDouble", 0x7902a96994dbdcb4u},
    {"AllFiniteFloat", 0x044d5ddce0235da1u},
    {"AllFiniteDouble", 0xc69afb69a14ecce7u},
    {"LeakyTanhFloat", 0xa5b69ef65709750eu},
    {"LeakyTanhDouble", 0x785a43b6464794b6u},
    {"OuterProductFloat", 0x61b5a099b52c1d5bu},
    {"OuterProductDouble", 0x1d648a68d60412cfu},
    {"SoftmaxFloat", 0x8fafa1d21f720c7eu},
    {"SoftmaxDouble", 0x8fc082c3f408f40eu},
    {"LogSumExpFloat", 0xadcbc740dd98a081u},
    {"LogSumExpDouble", 0x1daf5dcd4c12469au},
    {"SgdChangeFloat", 0xe329efbeb12a7afcu},
    {"SgdChangeDouble", 0x031a3e3554e97fd3u},
    {"MomentumChangeFloat", 0x77f7aaf205ca8d5cu},
    {"MomentumChangeDouble", 0xfe707c0dcc10ea01u},
    {"RmspropChangeFloat", 0xf2275f0cfba5d0ebu},
    {"RmspropChangeDouble", 0x971df265b7620c01u},
    {"AdamChangeFloat", 0xe91f1dff03fd275bu},
    {"AdamChangeDouble", 0x29318ff46862b616u},
    {"MatVecFloatFused", 0x9f3f73dd60d4d190u},
    {"MatVecDoubleFused", 0x8a0c9ff7ca73561bu},
    {"AddMatVecFloatFused", 0xf10fee04d819970du},
    {"AddMatVecDoubleFused", 0xaba2dff447b7310au},
    {"AddScaledFloatFused", 0x8e5634f831b2f7d3u},
    {"AddScaledDoubleFused", 0x07b45e2e65c107b5u},
    {"TransposedMatVecFloatFused", 0xdacba67d32561079u},
    {"TransposedMatVecDoubleFused", 0x8fc2e98dd94c47b7u},
    {"DotFloatFused", 0x94faf6b7965773b2u},
    {"DotDoubleFused", 0xb8b339ab30c3ca01u},
    {"SumSquaresFloatFused", 0x312f5daa10fb3a33u},
    {"SumSquaresDoubleFused", 0x64ba8f1c5de12546u},
    {"ScaleFloatFused", 0x110227237fc031d1u},
    {"ScaleDoubleFused", 0x7902a96994dbdcb4u},
    {"AllFiniteFloatFused", 0x044d5ddce0235da1u},
    {"AllFiniteDoubleFused", 0xc69afb69a14ecce7u},
    {"LeakyTanhFloatFused", 0xa5b69ef65709750eu},
    {"LeakyTanhDoubleFused", 0x785a43b6464794b6u},
    {"OuterProductFloatFused", 0x61b5a099b52c1d5bu},
    {"OuterProductDoubleFused", 0x1d648a68d60412cfu},
    {"SoftmaxFloatFused", 0x8fafa1d21f720c7eu},
    {"SoftmaxDoubleFused", 0x8fc082c3f408f40eu},
    {"LogSumExpFloatFused", 0xadcbc740dd98a081u},
    {"LogSumExpDoubleFused", 0x1daf5dcd4c12469au},
    {"SgdChangeFloatFused", 0xe329efbeb12a7afcu},
    {"SgdChangeDoubleFused", 0x031a3e3554e97fd3u},
    {"MomentumChangeFloatFused", 0x77f7aaf205ca8d5cu},
    {"MomentumChangeDoubleFused", 0xfe707c0dcc10ea01u},
    {"RmspropChangeFloatFused", 0xcf59163422f25fbau},
    {"RmspropChangeDoubleFused", 0x971df265b7620c01u},
    {"AdamChangeFloatFused", 0x8162b58a6e48c799u},
    {"AdamChangeDoubleFused", 0x29318ff46862b616u},
    {"AdvanceSensitivitiesFloat", 0xc369430e2efe4fc6u},
    {"AdvanceSensitivitiesFloatFused", 0x77f7af8c8f51bb8fu},
    {"AdvanceSensitivitiesDouble", 0xc6c8297d67341693u},
    {"AdvanceSensitivitiesDoubleFused", 0x62134ada3a1041f5u},
    {"SgdOuterFloat", 0xf2e3905f48d901eeu},
    {"SgdOuterFloatFused", 0xd88d98a0f6d6b2f5u},
    {"SgdOuterDouble", 0x790deddb40f9999bu},
    {"SgdOuterDoubleFused", 0xac9cada12672668au},
    {"MomentumOuterFloat", 0x53a4c980148c2694u},
    {"MomentumOuterFloatFused", 0x9d59fe6c2e61faa8u},
    {"MomentumOuterDouble", 0xfbb222be14779b15u},
    {"MomentumOuterDoubleFused", 0x5aeb06f9459f62a5u},
    {"RmspropOuterFloat", 0x40eebefc43093b95u},
    {"RmspropOuterFloatFused", 0x5a193b7074cea4f2u},
    {"RmspropOuterDouble", 0x5c9543559268f0cau},
    {"RmspropOuterDoubleFused", 0x328c1ccb42e7b725u},
    {"AdamOuterFloat", 0x2397d726fefcc1ddu},
    {"AdamOuterFloatFused", 0x22f638177c02e710u},
    {"AdamOuterDouble", 0xd6193003c9a8dffdu},
    {"AdamOuterDoubleFused", 0xbb2e6899ae7909e7u},
    {"NormaliseInputFloat", 0x81c89e4d4604da67u},
    {"NormaliseInputFloatFused", 0x81c89e4d4604da67u},
    {"NormaliseInputDouble", 0xb9e10d82d92553e8u},
    {"NormaliseInputDoubleFused", 0xb9e10d82d92553e8u},
    {"AddOuterProductFloat", 0xa6367c3e8f2d915du},
    {"AddOuterProductFloatFused", 0x3cda47411c1d7cccu},
    {"AddOuterProductDouble", 0x1e313b325dad1273u},
    {"AddOuterProductDoubleFused", 0x1e313b325dad1273u},
};

// The digest of a step or function by its name and type, as in "MatVecFloat", or "MatVecFloatFused"
// where a product and its sum are rounded once; 0 if none is recorded.
inline std::uint64_t GoldenDigest(const std::string& step) {
  for (const Golden& golden : kGolden) {
    if (step == golden.name) return golden.digest;
  }
  return 0;
}

}  // namespace millrace::kernels

#endif  // MILLRACE_TESTS_KERNELS_GOLDEN_H_
