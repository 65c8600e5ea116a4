#pragma once
#include <cstddef>
#include <vector>

namespace eznas {

/// Eigenvalues of a symmetric n × n matrix, row-major, ascending: Householder's tridiagonal form and implicit QL
/// iterations (Golub and Van Loan, Matrix Computations, 8.3). All NaN where an element is not finite.
std::vector<double> symmetricEigenvalues(std::vector<double> matrix, size_t n);

/// ln |det| of an n × n matrix, row-major, by LU with partial pivoting; −∞ where a pivot is zero.
double logAbsDeterminant(std::vector<double> matrix, size_t n);

/// Pearson correlations between the rows of a matrix, rows × columns, as rows × rows. A row without variance has no
/// correlations: NaN.
std::vector<double> rowCorrelations(const std::vector<double>& matrix, size_t rows, size_t columns);

}  // namespace eznas
