#include "engine/device/traces.h"

#include <algorithm>
#include <cstddef>

namespace millrace::engine {
namespace {

namespace device = kernels::device;

int SlopeOf(const Structure& structure, int component, int gate) {
  for (std::size_t k = 0; k < structure.slope.size(); ++k) {
    if (structure.slope[k].to == component && structure.slope[k].from == gate) {
      return static_cast<int>(k);
    }
  }
  return device::kNone;
}

// Components that have a trace for a gate: it reaches them at once, or through another's trace.
std::vector<int> ComponentsOf(const Structure& structure, const std::vector<Pair>& coupling,
                              int gate) {
  std::vector<bool> reached(static_cast<std::size_t>(structure.components), false);
  for (int c = 0; c < structure.components; ++c) {
    reached[static_cast<std::size_t>(c)] = SlopeOf(structure, c, gate) != device::kNone;
  }
  for (bool more = true; more;) {
    more = false;
    for (const Pair& pair : coupling) {
      const auto to = static_cast<std::size_t>(pair.to);
      if (!reached[static_cast<std::size_t>(pair.from)] || reached[to]) continue;
      reached[to] = more = true;
    }
  }
  std::vector<int> components;
  for (int c = 0; c < structure.components; ++c) {
    if (reached[static_cast<std::size_t>(c)]) components.push_back(c);
  }
  return components;
}

}  // namespace

std::int64_t ListTraces(const Structure& structure, const std::vector<Pair>& coupling,
                        std::vector<device::TraceEntry>* entries,
                        std::vector<device::TraceSource>* sources,
                        std::vector<device::GateTraces>* gates) {
  std::int64_t size = 0;
  for (std::size_t g = 0; g < structure.gates.size(); ++g) {
    const std::vector<int> components = ComponentsOf(structure, coupling, static_cast<int>(g));
    gates->push_back({static_cast<int>(entries->size()), static_cast<int>(components.size())});
    for (const int component : components) {
      device::TraceEntry entry = {.offset = size,
                                  .component = component,
                                  .slope = SlopeOf(structure, component, static_cast<int>(g)),
                                  .first_source = static_cast<int>(sources->size()),
                                  .sources = 0};
      for (std::size_t k = 0; k < coupling.size(); ++k) {
        if (coupling[k].to != component) continue;
        const auto from = std::find(components.begin(), components.end(), coupling[k].from);
        if (from == components.end()) continue;
        sources->push_back({static_cast<int>(k), static_cast<int>(from - components.begin())});
        ++entry.sources;
      }
      entries->push_back(entry);
      size += structure.rows(structure.gates[g]) * structure.n;
    }
  }
  return size;
}

}  // namespace millrace::engine
