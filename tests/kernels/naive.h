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
void Run(const steps::AdvanceTrace<T>& s) {
  for (std::int64_t j = 0; j < s.k; ++j) {
    for (std::int64_t i = 0; i < s.n; ++i) {
      T& e = s.e[j * s.n + i];
      e = static_cast<T>(Wide(s.carry[i]) * e + Wide(s.s[i]) * s.x[j]);
    }
  }
}
template <typename T>
void Run(const steps::ContractTrace<T>& s) {
  for (std::int64_t j = 0; j < s.k; ++j) {
    for (std::int64_t i = 0; i < s.n; ++i) {
      s.g[j * s.n + i] = static_cast<T>(Wide(s.q[i]) * s.e[j * s.n + i]);
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
  for (std::int64_t i = 0; i < s.p; ++i) s.g[i] = static_cast<T>(-Wide(s.rates.rate) * s.g[i]);
}
template <typename T>
void Run(const steps::MomentumChange<T>& s) {
  for (std::int64_t i = 0; i < s.p; ++i) {
    const Wide m = Wide(s.rates.beta1) * s.m[i] + s.g[i];
    s.m[i] = static_cast<T>(m);
    s.g[i] = static_cast<T>(-s.rates.rate * m);
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
  for (std::int64_t i = 0; i < s.p; ++i) {
    s.g[i] =
        static_cast<T>(-Wide(s.rates.rate) * s.g[i] / AdvanceSecondMoment(s.rates, s.g[i], s.v[i]));
  }
}
template <typename T>
void Run(const steps::AdamChange<T>& s) {
  const UpdateRates<T>& r = s.rates;
  for (std::int64_t i = 0; i < s.p; ++i) {
    const Wide m = Wide(r.beta1) * s.m[i] + (1 - Wide(r.beta1)) * s.g[i];
    s.m[i] = static_cast<T>(m);
    const Wide step = -r.rate * (m / r.correction1) / AdvanceSecondMoment(r, s.g[i], s.v[i]);
    s.g[i] = static_cast<T>(step - Wide(r.rate) * r.weight_decay * s.theta[i]);
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
template <typename Change, typename T>
void RunOuter(const OuterMap<T>& map, const Change& change) {
  const std::int64_t p = map.k * map.n;
  std::vector<T> g(static_cast<std::size_t>(p));
  for (std::int64_t at = 0; at < p; ++at) {
    g[static_cast<std::size_t>(at)] =
        static_cast<T>(Wide(map.scale) * map.x[at / map.n] * map.d[at % map.n]);
  }
  change(p, g.data());
  for (std::int64_t at = 0; at < p; ++at) map.theta[at] += g[static_cast<std::size_t>(at)];
  if (map.next_x == nullptr) return;
  for (std::int64_t i = 0; i < map.n; ++i) {
    map.next[i] = static_cast<T>(map.next[i] + Sum(map.k, [&](std::int64_t j) {
                                   return Wide(map.next_x[j]) * map.theta[j * map.n + i];
                                 }));
  }
}
template <typename T>
void Run(const steps::SgdOuter<T>& s) {
  RunOuter(s.map, [&](std::int64_t p, T* g) { Run(steps::SgdChange<T>{s.rates, p, g}); });
}
template <typename T>
void Run(const steps::MomentumOuter<T>& s) {
  RunOuter(s.map, [&](std::int64_t p, T* g) {
    Run(steps::MomentumChange<T>{s.rates, p, s.map.first, g});
  });
}
template <typename T>
void Run(const steps::RmspropOuter<T>& s) {
  RunOuter(s.map, [&](std::int64_t p, T* g) {
    Run(steps::RmspropChange<T>{s.rates, p, s.map.second, g});
  });
}
template <typename T>
void Run(const steps::AdamOuter<T>& s) {
  RunOuter(s.map, [&](std::int64_t p, T* g) {
    Run(steps::AdamChange<T>{s.rates, p, s.map.theta, s.map.first, s.map.second, g});
  });
}

}  // namespace millrace::kernels::naive

#endif  // MILLRACE_TESTS_KERNELS_NAIVE_H_
