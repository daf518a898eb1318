// Settings of the diagnostics, which are part of the monitor's, and what of them is refused.
// Thread-safe: pure functions.
#ifndef MILLRACE_ENGINE_DIAGNOSTICS_SETTINGS_H_
#define MILLRACE_ENGINE_DIAGNOSTICS_SETTINGS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "engine/spec.h"

namespace millrace::engine {

// An exact rule that runs beside a stream's own may carry so much: 64 MiB, the sensitivities of a
// dense float32 network of about 230 units, which take about a tenth of a second a step.
inline constexpr std::int64_t kMostExactBytes = std::int64_t{64} << 20;

// The exact rule that a stream's own is compared with.
PartSpec ExactRule();

// diagnostics_every and exact_cosine.
std::vector<SettingDescription> DiagnosticsSettings();

// BAD_SPEC where the exact rule is asked for beside a rule that never learns, or is too large.
absl::Status CheckDiagnostics(const ModelSpec& resolved);

}  // namespace millrace::engine

#endif  // MILLRACE_ENGINE_DIAGNOSTICS_SETTINGS_H_
