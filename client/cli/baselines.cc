#include "client/cli/baselines.h"

#include <array>
#include <cmath>
#include <cstdint>

namespace millrace::client {

std::vector<int> LastLabels(const Recording& recording, const std::vector<Plan>& plans) {
  std::vector<int> last;
  int known = -1;
  for (std::size_t f = 0; f < recording.files.size(); ++f) {
    const RecordingFile& file = recording.files[f];
    std::size_t told = 0;
    const auto tell = [&](std::size_t end) {
      for (; told < end; ++told) {
        if (file.classes[told] >= 0) known = file.classes[told];
      }
    };
    for (std::size_t t = 0; t < file.steps; ++t) {
      tell(plans[f].known_before[t]);
      last.push_back(known);
    }
    tell(file.steps);
  }
  return last;
}

RegressionBaselines Baselines(const Recording& recording, const std::vector<Plan>& plans) {
  RegressionBaselines baselines;
  const std::size_t m = recording.outputs;
  std::vector<double> mean(m, 0), last(m, 0);
  std::vector<std::uint64_t> count(m, 0);
  for (std::size_t f = 0; f < recording.files.size(); ++f) {
    const RecordingFile& file = recording.files[f];
    std::size_t told = 0;
    const auto tell = [&](std::size_t end) {
      for (; told < end; ++told) {
        for (std::size_t j = 0; j < m; ++j) {
          const double value = file.targets.At(told, j);
          if (std::isnan(value)) continue;
          mean[j] += (value - mean[j]) / static_cast<double>(++count[j]);
          last[j] = value;
        }
      }
    };
    for (std::size_t t = 0; t < file.steps; ++t) {
      tell(plans[f].known_before[t]);
      baselines.mean.insert(baselines.mean.end(), mean.begin(), mean.end());
      baselines.last_value.insert(baselines.last_value.end(), last.begin(), last.end());
    }
    tell(file.steps);
  }
  return baselines;
}

std::vector<double> OrderZeroNats(const Recording& recording) {
  std::vector<double> nats;
  std::array<double, 256> counts;
  counts.fill(0.5);
  double total = 128;
  for (const RecordingFile& file : recording.files) {
    for (const char c : file.bytes) {
      double& count = counts[static_cast<unsigned char>(c)];
      nats.push_back(std::log(total / count));
      count += 1;
      total += 1;
    }
  }
  return nats;
}

std::vector<double> VarianceFloor(const Recording& recording) {
  constexpr double kHardly = 1e-4;
  std::vector<double> floor;
  for (std::size_t j = 0; j < recording.outputs; ++j) {
    double mean = 0, sst = 0;
    std::uint64_t count = 0;
    for (const RecordingFile& file : recording.files) {
      for (std::size_t t = 0; t < file.steps; ++t) {
        const double value = file.targets.At(t, j);
        if (std::isnan(value)) continue;
        const double deviation = value - mean;
        mean += deviation / static_cast<double>(++count);
        sst += deviation * (value - mean);
      }
    }
    floor.push_back(count == 0 ? 0 : kHardly * sst / static_cast<double>(count));
  }
  return floor;
}

}  // namespace millrace::client
