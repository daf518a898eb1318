#include "tests/reference/recurrent_network.h"

#include <algorithm>
#include <string>

#include "tests/reference/cells/list.h"

namespace millrace::reference {
namespace {

constexpr int kFilters = 4;

}  // namespace

RecurrentNetwork::RecurrentNetwork(const Specification& specification)
    : cell_(MakeCell(specification.cell, specification.input.size)),
      direct_(specification.head.Flag("direct", false)),
      contexts_(specification.head.Integer("context_orders", 0) > 0) {
  for (int filter = 1; filter <= kFilters; ++filter) {
    const double tau = specification.head.Number("filter_" + std::to_string(filter), 0);
    if (tau > 0) taus_.push_back(std::max(tau, 1.0));
  }
  const int banks = static_cast<int>(taus_.size()) + (direct_ ? 1 : 0);
  head_ = MakeHead(specification.head, {static_cast<int>(cell_->shape().outputs.size()),
                                        banks * specification.input.size, specification.outputs});
  layout_.Append(cell_->shape().layout);
  layout_.Append(head_->layout());
}

int RecurrentNetwork::StateSize() const {
  return cell_->StateSize() + static_cast<int>(taus_.size()) * cell_->shape().inputs +
         (contexts_ ? Contexts::kHistory : 0);
}

Vector RecurrentNetwork::CellWeights(const Vector& weights) const {
  return Vector(weights.begin(), weights.begin() + cell_->shape().layout.Size());
}

Vector RecurrentNetwork::HeadWeights(const Vector& weights) const {
  return Vector(weights.begin() + cell_->shape().layout.Size(), weights.end());
}

Vector RecurrentNetwork::NextOf(const Vector& cell_next, const Vector& state,
                                const Vector& z) const {
  Vector next = cell_next;
  for (const double tau : taus_) {
    for (const double value : z) {
      const double before = state[next.size()];
      next.push_back(before + (value - before) / tau);
    }
  }
  const Vector history = contexts_ ? Contexts::Push(History(state), z) : Vector();
  next.insert(next.end(), history.begin(), history.end());
  return next;
}

Vector RecurrentNetwork::History(const Vector& state) const {
  return contexts_ ? Vector(state.end() - Contexts::kHistory, state.end()) : Vector();
}

Vector RecurrentNetwork::Next(const Vector& weights, const Vector& state, const Vector& z) const {
  return NextOf(cell_->Next(CellWeights(weights), state, z), state, z);
}

Vector RecurrentNetwork::Features(const Vector& state, const Vector& z) const {
  Vector features;
  for (const int place : cell_->shape().outputs) {
    features.push_back(state[place]);
  }
  if (direct_) features.insert(features.end(), z.begin(), z.end());
  const auto filters = state.begin() + cell_->StateSize();
  const auto count = static_cast<std::ptrdiff_t>(taus_.size() * z.size());
  features.insert(features.end(), filters, filters + count);
  return features;
}

Vector RecurrentNetwork::Predict(const Vector& weights, const Contexts& contexts,
                                 const Vector& state, const Vector& z) const {
  Vector y = head_->Forward(HeadWeights(weights), Features(state, z));
  if (contexts_) contexts.AddLogits(History(state), &y);
  return y;
}

}  // namespace millrace::reference
