// What the steps compute, written down once more in long double with the C library: slow, plain,
// and nothing of kernels/ but the argument structs.
#ifndef MILLRACE_TESTS_KERNELS_NAIVE_H_
#define MILLRACE_TESTS_KERNELS_NAIVE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/steps/list.h"

namespace millrace::kernels::naive {

using Wide = long double;

template <typename T>
Wide Sum(std::int64_t n, const T& term) {
  Wide sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += term(i);
  return sum;
}

template <typename T>
void Run(const steps::MatVec<T>& s) {
  for (std::int64_t i = 0; i < s.n; ++i) {
    s.out[i] = static_cast<T>(
        Sum(s.k, [&](std::int64_t j) { return Wide(s.matrix_t[j * s.n + i]) * s.x[j]; }));
  }
}
template <typename T>
void Run(const steps::AddMatVec<T>& s) {
  for (std::int64_t i = 0; i < s.n; ++i) {
    s.out[i] = static_cast<T>(s.out[i] + Sum(s.k, [&](std::int64_t j) {
                                return Wide(s.matrix_t[j * s.n + i]) * s.x[j];
                              }));
  }
}
template <typename T>
void Run(const steps::AddScaled<T>& s) {
  for (std::int64_t i = 0; i < s.n; ++i) {
    s.out[i] = static_cast<T>(s.out[i] + Wide(s.scale) * s.x[i]);
  }
}
template <typename T>
void Run(const steps::TransposedMatVec<T>& s) {
  for (std::int64_t j = 0; j < s.k; ++j) {
    s.out[j] = static_cast<T>(
        Sum(s.n, [&](std::int64_t i) { return Wide(s.matrix_t[j * s.n + i]) * s.y[i]; }));
  }
}
template <typename T>
void Run(const steps::Dot<T>& s) {
  *s.result = static_cast<T>(Sum(s.n, [&](std::int64_t i) { return Wide(s.x[i]) * s.y[i]; }));
}
template <typename T>
void Run(const steps::SumSquares<T>& s) {
  *s.result = static_cast<T>(Sum(s.n, [&](std::int64_t i) { return Wide(s.x[i]) * s.x[i]; }));
}
template <typename T>
void Run(const steps::Scale<T>& s) {
  for (std::int64_t i = 0; i < s.n; ++i) s.x[i] = static_cast<T>(Wide(s.x[i]) * s.scale);
}
template <typename T>
void Run(const steps::AllFinite<T>& s) {
  *s.result = true;
  for (std::int64_t i = 0; i < s.n; ++i) *s.result = *s.result && std::isfinite(s.x[i]);
}
template <typename T>
void Run(const steps::LeakyTanh<T>& s) {
  for (std::int64_t i = 0; i < s.n; ++i) {
    const Wide activation = std::tanh(Wide(s.preactivation[i]));
    s.h[i] = static_cast<T>((1 - Wide(s.leak)) * s.h_prev[i] + s.leak * activation);
    s.slope[i] = static_cast<T>(s.leak * (1 - activation * activation));
  }
}
template <typename T>
void Run(const steps::OuterProduct<T>& s) {
  for (std::int64_t j = 0; j < s.k; ++j) {
    for (std::int64_t i = 0; i < s.n; ++i) {
      s.g[j * s.n + i] = static_cast<T>(Wide(s.s[i]) * s.x[j]);
    }
  }
}
template <typename T>
void Run(const steps::AddOuterProduct<T>& s) {
  for (std::int64_t j = 0; j < s.k; ++j) {
    for (std::int64_t i = 0; i < s.n; ++i) {
      T& g = s.g[j * s.n + i];
      g = static_cast<T>(g + Wide(s.s[i]) * s.x[j]);
    }
  }
}
template <typename T>
void Run(const steps::Softmax<T>& s) {
  const Wide total = Sum(s.m, [&](std::int64_t j) { return std::exp(Wide(s.z[j])); });
  for (std::int64_t j = 0; j < s.m; ++j) {
    s.probabilities[j] = static_cast<T>(std::exp(Wide(s.z[j])) / total);
  }
}
template <typename T>
void Run(const steps::LogSumExp<T>& s) {
  *s.result =
      static_cast<T>(std::log(Sum(s.m, [&](std::int64_t j) { return std::exp(Wide(s.z[j])); })));
}
template <typename T>
void Run(const steps::SgdChange<T>& s) {
  for (std::int64_t i = 0; i < s.range.p; ++i)
    s.range.g[i] = static_cast<T>(-Wide(s.rates.rate) * s.range.g[i]);
}
template <typename T>
void Run(const steps::MomentumChange<T>& s) {
  for (std::int64_t i = 0; i < s.range.p; ++i) {
    const Wide m = Wide(s.rates.beta1) * s.range.first[i] + s.range.g[i];
    s.range.first[i] = static_cast<T>(m);
    s.range.g[i] = static_cast<T>(-s.rates.rate * m);
  }
}

// The denominator of RMSprop and Adam, v advanced.
template <typename T>
Wide AdvanceSecondMoment(const UpdateRates<T>& rates, T g, T& v_slot) {
  const Wide v = Wide(rates.beta2) * v_slot + (1 - Wide(rates.beta2)) * g * g;
  v_slot = static_cast<T>(v);
  const Wide corrected = v / rates.correction2;
  return rates.epsilon_inside ? std::sqrt(corrected + rates.epsilon)
                              : std::sqrt(corrected) + rates.epsilon;
}

template <typename T>
void Run(const steps::RmspropChange<T>& s) {
  for (std::int64_t i = 0; i < s.range.p; ++i) {
    T& g = s.range.g[i];
    g = static_cast<T>(-Wide(s.rates.rate) * g /
                       AdvanceSecondMoment(s.rates, g, s.range.second[i]));
  }
}
template <typename T>
void Run(const steps::AdamChange<T>& s) {
  const UpdateRates<T>& r = s.rates;
  for (std::int64_t i = 0; i < s.range.p; ++i) {
    T& g = s.range.g[i];
    const Wide m = Wide(r.beta1) * s.range.first[i] + (1 - Wide(r.beta1)) * g;
    s.range.first[i] = static_cast<T>(m);
    const Wide step = -r.rate * (m / r.correction1) / AdvanceSecondMoment(r, g, s.range.second[i]);
    g = static_cast<T>(step - Wide(r.rate) * r.weight_decay * s.range.theta[i]);
  }
}

template <typename T>
void Run(const steps::NormaliseInput<T>& s) {
  const InputChannels<T>& c = s.channels;
  for (std::int64_t i = 0; i < c.n; ++i) {
    const Wide deviation = Wide(c.x[i]) - c.mean[i];
    const Wide scale = std::sqrt(Wide(c.variance[i]) + c.floor);
    const Wide clip = c.clip;
    const Wide most = clip * scale;
    c.normalised[i] = static_cast<T>(std::max(-clip, std::min(clip, deviation / scale)));
    const Wide change = c.clip_changes ? std::max(-most, std::min(most, deviation)) : deviation;
    c.mean[i] = static_cast<T>(c.mean[i] + c.rate * change);
    c.variance[i] = static_cast<T>((1 - Wide(c.rate)) * (c.variance[i] + c.rate * change * change));
  }
}

// A map with an outer product for its gradient is the step of the range over g written out, then
// the sum over what the map sees next.
template <typename T, UpdateKind kKind>
void Run(const steps::OuterUpdate<T, kKind>& s) {
  const OuterMap<T>& map = s.map;
  const std::int64_t p = map.k * map.n;
  std::vector<T> g(static_cast<std::size_t>(p));
  for (std::int64_t at = 0; at < p; ++at) {
    g[static_cast<std::size_t>(at)] =
        static_cast<T>(Wide(map.scale) * map.x[at / map.n] * map.d[at % map.n]);
  }
  Run(steps::StoredUpdate<T, kKind>{s.rates, {p, map.theta, map.first, map.second, g.data()}});
  for (std::int64_t at = 0; at < p; ++at) map.theta[at] += g[static_cast<std::size_t>(at)];
  if (map.next_x == nullptr) return;
  for (std::int64_t i = 0; i < map.n; ++i) {
    map.next[i] = static_cast<T>(map.next[i] + Sum(map.k, [&](std::int64_t j) {
                                   return Wide(map.next_x[j]) * map.theta[j * map.n + i];
                                 }));
  }
}

}  // namespace millrace::kernels::naive

#endif  // MILLRACE_TESTS_KERNELS_NAIVE_H_
