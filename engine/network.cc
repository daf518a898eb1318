#include "engine/network.h"

#include <algorithm>

#include "engine/cells/list.h"
#include "engine/heads/list.h"

namespace millrace::engine {

template <typename T>
Network<T>::Network(const ModelSpec& spec, std::int64_t inputs)
    : cell_(MakeCell<T>(spec.cell, inputs)),
      features_(spec.head, inputs),
      contexts_(spec.head),
      head_(MakeHead<T>(spec.head, {.cell_outputs = cell_->outputs(),
                                    .direct = features_.size(),
                                    .outputs_wait = spec.loss.name != "cross_entropy"})),
      layout_(inputs) {
  cell_->AddBlocks(&layout_);
  head_->AddBlocks(&layout_);
}

template <typename T>
NetworkStep<T> Network<T>::MakeStep() const {
  return {CellStep<T>(cell_->step_shape()),
          std::vector<T>(static_cast<std::size_t>(state_size()), T{0}),
          std::vector<T>(static_cast<std::size_t>(cell_->outputs() + features_.size()), T{0})};
}

template <typename T>
void Network<T>::Initialize(std::uint64_t seed, T* theta) const {
  cell_->Initialize(seed, theta);
  head_->Initialize(seed, theta + head_offset());
}

template <typename T>
void Network<T>::Forward(const T* theta, const CellInput<T>& input, const T* before,
                         NetworkStep<T>* step, T* y) const {
  cell_->Forward(theta, input, before, &step->cell);
  AfterCell(theta, input, before, step, y);
}

template <typename T>
void Network<T>::FinishForward(const T* theta, const CellInput<T>& input, const T* before,
                               NetworkStep<T>* step, T* y) const {
  cell_->FinishForward(before, &step->cell);
  AfterCell(theta, input, before, step, y);
}

template <typename T>
void Network<T>::AfterCell(const T* theta, const CellInput<T>& input, const T* before,
                           NetworkStep<T>* step, T* y) const {
  const std::int64_t cell_state = cell_->state_size();
  std::copy_n(step->cell.state(), cell_state, step->state.data());
  const std::int64_t o = cell_->outputs();
  std::copy_n(step->cell.state() + cell_->components() - o, o, step->features.data());
  features_.Step(input.dense, before + cell_state, step->state.data() + cell_state,
                 step->features.data() + o);
  contexts_.Step(input.byte, before + history(), step->state.data() + history());
  head_->Forward(theta + head_offset(), step->features.data(), y);
}

template class Network<float>;
template class Network<double>;

}  // namespace millrace::engine
