#include "server/metrics/process_collector.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace millrace::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily One(const char* name, const char* help, MetricType type, double value) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  ClientMetric sample;
  sample.gauge.value = value;
  sample.counter.value = value;
  family.metric.push_back(std::move(sample));
  return family;
}

double CpuSeconds() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double OpenDescriptors() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  int entries = 0;
  while (readdir(directory) != nullptr) ++entries;
  closedir(directory);
  return entries - 3;  // ".", ".." and the directory's own
}

}  // namespace

ProcessCollector::ProcessCollector()
    : start_s_(absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch())) {}

std::vector<MetricFamily> ProcessCollector::Collect() const {
  std::vector<MetricFamily> families;
  MetricFamily build = One("millrace_build_info", "Version of the server.", MetricType::Gauge, 1);
  build.metric[0].label = {{"version", MILLRACE_VERSION}};
  families.push_back(std::move(build));
  families.push_back(One("process_start_time_seconds", "Start of the process since the epoch.",
                         MetricType::Gauge, start_s_));
  families.push_back(One("process_cpu_seconds_total", "User and system time spent.",
                         MetricType::Counter, CpuSeconds()));
  families.push_back(
      One("process_open_fds", "Open file descriptors.", MetricType::Gauge, OpenDescriptors()));
  double pages = 0, resident_pages = 0;
  if (std::ifstream("/proc/self/statm") >> pages >> resident_pages) {
    const auto page_bytes = static_cast<double>(sysconf(_SC_PAGESIZE));
    families.push_back(One("process_virtual_memory_bytes", "Virtual memory.", MetricType::Gauge,
                           pages * page_bytes));
    families.push_back(One("process_resident_memory_bytes", "Resident memory.", MetricType::Gauge,
                           resident_pages * page_bytes));
  }
  return families;
}

}  // namespace millrace::server
