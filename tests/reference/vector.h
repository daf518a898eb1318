// Dense vectors and matrices of the reference: values, no arithmetic of their own.
// Thread-compatible.
#ifndef MILLRACE_TESTS_REFERENCE_VECTOR_H_
#define MILLRACE_TESTS_REFERENCE_VECTOR_H_

#include <cstddef>
#include <vector>

namespace millrace::reference {

using Vector = std::vector<double>;

// [rows, columns], row-major, zero at first.
class Matrix {
 public:
  Matrix() = default;
  Matrix(int rows, int columns)
      : rows_(rows),
        columns_(columns),
        values_(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns)) {}

  int rows() const { return rows_; }
  int columns() const { return columns_; }
  double& operator()(int row, int column) { return values_[Place(row, column)]; }
  double operator()(int row, int column) const { return values_[Place(row, column)]; }
  const Vector& values() const { return values_; }

 private:
  std::size_t Place(int row, int column) const {
    return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns_) +
           static_cast<std::size_t>(column);
  }

  int rows_ = 0;
  int columns_ = 0;
  Vector values_;
};

}  // namespace millrace::reference

#endif  // MILLRACE_TESTS_REFERENCE_VECTOR_H_
