// The series that resume_test.cc cuts in two, and what both processes do with its second part.
#ifndef MILLRACE_TESTS_CONFORMANCE_RESUME_H_
#define MILLRACE_TESTS_CONFORMANCE_RESUME_H_

#include "engine/snapshot.h"
#include "tests/conformance/playing.h"

namespace millrace::conformance {

inline constexpr int kResumeSteps = 112;
inline constexpr int kResumeCut = 56;

// From nothing to `to`. Before the cut a shadow is taken, settings change, the stream is frozen for
// a while; at the cut steps are open and targets held.
engine::Snapshot PlayedTo(const Combination& combination, int to);
// From the cut to the end, on a stream of the snapshot.
engine::Snapshot RestOf(const Combination& combination, const engine::Snapshot& cut);

}  // namespace millrace::conformance

#endif  // MILLRACE_TESTS_CONFORMANCE_RESUME_H_
