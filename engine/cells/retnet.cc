#include "engine/cells/retnet.h"

#include <algorithm>

#include "engine/cells/settings.h"
#include "engine/random.h"
#include "kernels/math/sqrt.h"
#include "kernels/ops.h"

namespace millrace::engine {
namespace {

// k rows of keys, v units, d inputs. Parameters: query [d, k], key [d, k], value [d, v].
// All keys' weights from one input move their rows of S alike, all values' weights their columns,
// so that the sensitivities of S (Sun et al. 2023 for its recurrence) are two matrices:
//   kappa [d, v] = g kappa' + x v^T,  dS[a, b]/dkey[j, a] = kappa[j, b],
//   nu [k, d] = g nu' + k x^T,        dS[a, b]/dvalue[j, b] = nu[a, j].
template <typename T>
class RetnetCell final : public Cell<T> {
 public:
  RetnetCell(const PartSpec& part, std::int64_t inputs)
      : d_(inputs),
        k_(part.Integer("key_size")),
        v_(part.Integer("units")),
        decay_(static_cast<T>(part.Number("decay"))),
        input_gain_(part.Number("input_gain")) {
    shape_.fan_in = components();
    shape_.preactivation = shape_.fan_in + d_;
    shape_.carry = shape_.slope = shape_.extra = shape_.preactivation + 2 * k_ + v_;
    shape_.size = shape_.extra;
  }

  std::int64_t inputs() const override { return d_; }
  std::int64_t components() const override { return k_ * v_ + v_; }
  std::int64_t outputs() const override { return v_; }
  const StepShape& step_shape() const override { return shape_; }
  const Structure* structure() const override { return nullptr; }
  std::int64_t parameters() const override { return d_ * (2 * k_ + v_); }
  std::int64_t scratch_size() const override { return 2 * k_ + v_ + k_ * v_; }

  void AddBlocks(ParameterLayout* layout) const override;
  void Initialize(std::uint64_t seed, T* theta) const override;
  void Forward(const T* theta, const CellInput<T>& input, const T* previous,
               CellStep<T>* step) const override;
  void ImmediateGradient(const T* theta, const CellStep<T>& step, const T* ds, bool sparse,
                         T* scratch, T* g) const override;
  void BackState(const T* theta, const CellStep<T>& step, const T* ds, T* scratch,
                 T* before) const override;
  void ForwardState(const T* theta, const CellStep<T>& step, const T* tangent, T* scratch,
                    T* after) const override;

  std::int64_t SharedSensitivitySize() const override { return d_ * v_ + k_ * d_; }
  void AdvanceShared(const T* theta, const CellStep<T>& step, T* sensitivity) const override;
  void SharedGradient(const T* theta, const T* sensitivity, const CellStep<T>& step, const T* q,
                      T* g) const override;

 private:
  // Of the step: x [d], query [k], key [k], value [v].
  const T* input(const CellStep<T>& step) const { return step.fan_in(); }
  const T* query(const CellStep<T>& step) const { return step.preactivation(); }
  const T* key(const CellStep<T>& step) const { return query(step) + k_; }
  const T* value(const CellStep<T>& step) const { return key(step) + k_; }
  void FillInput(const CellInput<T>& input, CellStep<T>* step) const;
  void Project(const T* theta, CellStep<T>* step) const;
  // dL/dS [k, v] of all: ds's own and what comes through the output.
  void TotalStateGradient(const CellStep<T>& step, const T* ds, T* total) const;

  std::int64_t d_, k_, v_;
  T decay_;
  double input_gain_;
  StepShape shape_;
};

template <typename T>
void RetnetCell<T>::AddBlocks(ParameterLayout* layout) const {
  const auto add = [&](const char* name, std::int64_t width) {
    layout->Add(
        {.name = name, .group = Group::kInput, .rows = d_, .width = width, .rows_wait = true});
  };
  add("query", k_);
  add("key", k_);
  add("value", v_);
}

// Keys are smaller by sqrt(k), which keeps an output's size whatever k (Sun et al. 2023).
template <typename T>
void RetnetCell<T>::Initialize(std::uint64_t seed, T* theta) const {
  const double deviation = input_gain_ / kernels::Sqrt(static_cast<double>(d_));
  Random(seed, 0).FillNormal(deviation, d_ * k_, theta);
  Random(seed, 1).FillNormal(deviation / kernels::Sqrt(static_cast<double>(k_)), d_ * k_,
                             theta + d_ * k_);
  Random(seed, 2).FillNormal(deviation, d_ * v_, theta + 2 * d_ * k_);
}

template <typename T>
void RetnetCell<T>::FillInput(const CellInput<T>& input, CellStep<T>* step) const {
  T* const x = step->fan_in();
  if (input.dense != nullptr) {
    std::copy_n(input.dense, d_, x);
  } else {
    std::fill_n(x, d_, T{0});
    if (input.byte != kNoByte) x[input.byte] = T{1};
  }
  step->one_hot = input.dense == nullptr;
  step->byte = input.dense == nullptr ? input.byte : kNoByte;
}

template <typename T>
void RetnetCell<T>::Project(const T* theta, CellStep<T>* step) const {
  T* to = step->preactivation();
  for (const std::int64_t width : {k_, k_, v_}) {
    std::fill_n(to, width, T{0});
    if (!step->one_hot) {
      kernels::AddMatVec(theta, input(*step), d_, width, to);
    } else if (step->byte != kNoByte) {
      kernels::AddScaled(theta + step->byte * width, T{1}, width, to);
    }
    theta += d_ * width;
    to += width;
  }
}

template <typename T>
void RetnetCell<T>::Forward(const T* theta, const CellInput<T>& input, const T* previous,
                            CellStep<T>* step) const {
  FillInput(input, step);
  Project(theta, step);
  T* const state = step->state();
  for (std::int64_t a = 0; a < k_; ++a) {
    const T at = key(*step)[a];
    for (std::int64_t b = 0; b < v_; ++b) {
      state[a * v_ + b] = decay_ * previous[a * v_ + b] + at * value(*step)[b];
    }
  }
  kernels::MatVec(state, query(*step), k_, v_, state + k_ * v_);
}

template <typename T>
void RetnetCell<T>::TotalStateGradient(const CellStep<T>& step, const T* ds, T* total) const {
  const T* const dy = ds + k_ * v_;
  for (std::int64_t a = 0; a < k_; ++a) {
    const T at = query(step)[a];
    for (std::int64_t b = 0; b < v_; ++b) total[a * v_ + b] = ds[a * v_ + b] + at * dy[b];
  }
}

template <typename T>
void RetnetCell<T>::ImmediateGradient(const T*, const CellStep<T>& step, const T* ds, bool sparse,
                                      T* scratch, T* g) const {
  T* const dquery = scratch;
  T* const dkey = dquery + k_;
  T* const dvalue = dkey + k_;
  T* const total = dvalue + v_;
  TotalStateGradient(step, ds, total);
  kernels::TransposedMatVec(step.state(), ds + k_ * v_, k_, v_, dquery);
  kernels::TransposedMatVec(total, value(step), k_, v_, dkey);
  kernels::MatVec(total, key(step), k_, v_, dvalue);
  const T* from = scratch;
  for (const std::int64_t width : {k_, k_, v_}) {
    if (!sparse) {
      kernels::OuterProduct(input(step), from, d_, width, g);
    } else if (step.byte != kNoByte) {
      std::copy_n(from, width, g + step.byte * width);
    }
    g += d_ * width;
    from += width;
  }
}

template <typename T>
void RetnetCell<T>::BackState(const T*, const CellStep<T>& step, const T* ds, T*, T* before) const {
  TotalStateGradient(step, ds, before);
  kernels::Scale(before, decay_, k_ * v_);
  std::fill_n(before + k_ * v_, v_, T{0});
}

template <typename T>
void RetnetCell<T>::ForwardState(const T*, const CellStep<T>& step, const T* tangent, T*,
                                 T* after) const {
  std::copy_n(tangent, k_ * v_, after);
  kernels::Scale(after, decay_, k_ * v_);
  kernels::MatVec(after, query(step), k_, v_, after + k_ * v_);
}

template <typename T>
void RetnetCell<T>::AdvanceShared(const T*, const CellStep<T>& step, T* sensitivity) const {
  const auto advance = [&](const T* rows, std::int64_t count, const T* columns,
                           std::int64_t width) {
    for (std::int64_t r = 0; r < count; ++r) {
      for (std::int64_t c = 0; c < width; ++c, ++sensitivity) {
        *sensitivity = decay_ * *sensitivity + rows[r] * columns[c];
      }
    }
  };
  advance(input(step), d_, value(step), v_);
  advance(key(step), k_, input(step), d_);
}

// dquery = x (S q)^T, dkey = (kappa q) query^T, dvalue = (nu^T query) q^T.
template <typename T>
void RetnetCell<T>::SharedGradient(const T*, const T* sensitivity, const CellStep<T>& step,
                                   const T* q, T* g) const {
  const T* const kappa = sensitivity;
  const T* const nu = kappa + d_ * v_;
  T* const dkey = g + d_ * k_;
  T* const dvalue = dkey + d_ * k_;
  kernels::TransposedMatVec(step.state(), q, k_, v_, g);
  // The first row last, since it holds S q until then.
  for (std::int64_t j = d_ - 1; j >= 0; --j) {
    for (std::int64_t a = 0; a < k_; ++a) g[j * k_ + a] = input(step)[j] * g[a];
  }
  for (std::int64_t j = 0; j < d_; ++j) {
    const T to_key = kernels::Dot(kappa + j * v_, q, v_);
    T to_value{0};
    for (std::int64_t a = 0; a < k_; ++a) {
      dkey[j * k_ + a] = to_key * query(step)[a];
      to_value += nu[a * d_ + j] * query(step)[a];
    }
    for (std::int64_t b = 0; b < v_; ++b) dvalue[j * v_ + b] = to_value * q[b];
  }
}

}  // namespace

PartDescription DescribeRetnet() {
  return {"cell",
          "retnet",
          "One head of RetNet: a decaying sum of key-value products, read by queries; exact to "
          "learn at the step's cost.",
          {UnitsSetting(),
           {.name = "key_size",
            .type = SettingType::kInteger,
            .minimum = 1,
            .maximum = 4096,
            .default_value = std::int64_t{8},
            .sentence = "Length of a key and of a query; units is that of a value."},
           {.name = "decay",
            .minimum = 0,
            .maximum = 1,
            .default_value = 0.96875,
            .sentence = "What the state keeps from step to step."},
           InputGainSetting()}};
}

template <typename T>
std::unique_ptr<Cell<T>> MakeRetnet(const PartSpec& part, std::int64_t inputs) {
  return std::make_unique<RetnetCell<T>>(part, inputs);
}

template std::unique_ptr<Cell<float>> MakeRetnet(const PartSpec&, std::int64_t);
template std::unique_ptr<Cell<double>> MakeRetnet(const PartSpec&, std::int64_t);

}  // namespace millrace::engine
