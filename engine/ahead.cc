#include "engine/ahead.h"

#include "kernels/ops.h"

namespace millrace::engine {

template <typename T>
void Ahead<T>::MakeUp(const T* theta, std::int64_t row) {
  if (row == row_) return;
  const NextMap<T>& map = maps_[map_];
  if (map.x != nullptr) {
    kernels::AddMatVec(theta + map.offset + row_ * map.width, map.x + row_, row - row_, map.width,
                       map.sums);
  } else if (map.one >= row_ && map.one < row) {
    kernels::AddScaled(theta + map.offset + map.one * map.width, T{1}, map.width, map.sums);
  }
  row_ = row;
}

template <typename T>
typename Ahead<T>::Meeting Ahead<T>::Meet(const T* theta, std::int64_t offset, std::int64_t rows) {
  while (map_ < maps_.size() &&
         offset >= maps_[map_].offset + maps_[map_].rows * maps_[map_].width) {
    MakeUp(theta, maps_[map_].rows);
    ++map_, row_ = 0;
  }
  if (map_ == maps_.size() || offset < maps_[map_].offset) return {};
  const NextMap<T>& map = maps_[map_];
  if (map.x == nullptr) return {};
  MakeUp(theta, (offset - map.offset) / map.width);
  const std::int64_t first = row_;
  row_ += rows;
  return {map.x + first, map.sums};
}

template <typename T>
void Ahead<T>::Finish(const T* theta) {
  for (; map_ < maps_.size(); ++map_, row_ = 0) MakeUp(theta, maps_[map_].rows);
}

template class Ahead<float>;
template class Ahead<double>;

}  // namespace millrace::engine
