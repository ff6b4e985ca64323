#pragma once
// The fields of an aggregate, one by one. The language has no way to say "all of them", so the two tables below
// spell out each number of fields: how to name them, and how to ask whether so many initialisers are too many.

#include <cstddef>
#include <utility>

namespace muster::detail {

// As many as there are letters.
inline constexpr std::size_t kMostFields = 52;

// clang-format off: it would give each field a line of its own.

// Calls visit(first field, second, ...) with the `kCount` fields of `value`, as constants. A wrong count does not compile, so
// no field is ever dropped in silence.
template <std::size_t kCount, class Object, class Visit>
constexpr decltype(auto) with_fields(const Object& value, const Visit& visit) {
  static_assert(kCount <= kMostFields);
  if constexpr (kCount == 0) { return visit();
  } else if constexpr (kCount == 1) { const auto& [a] = value; return visit(a);
  } else if constexpr (kCount == 2) { const auto& [a, b] = value; return visit(a, b);
  } else if constexpr (kCount == 3) { const auto& [a, b, c] = value; return visit(a, b, c);
  } else if constexpr (kCount == 4) { const auto& [a, b, c, d] = value; return visit(a, b, c, d);
  } else if constexpr (kCount == 5) { const auto& [a, b, c, d, e] = value; return visit(a, b, c, d, e);
  } else if constexpr (kCount == 6) { const auto& [a, b, c, d, e, f] = value; return visit(a, b, c, d, e, f);
  } else if constexpr (kCount == 7) { const auto& [a, b, c, d, e, f, g] = value; return visit(a, b, c, d, e, f, g);
  } else if constexpr (kCount == 8) { const auto& [a, b, c, d, e, f, g, h] = value; return visit(a, b, c, d, e, f, g,
    h);
  } else if constexpr (kCount == 9) { const auto& [a, b, c, d, e, f, g, h, i] = value; return visit(a, b, c, d, e, f,
    g, h, i);
  } else if constexpr (kCount == 10) { const auto& [a, b, c, d, e, f, g, h, i, j] = value; return visit(a, b, c, d, e,
    f, g, h, i, j);
  } else if constexpr (kCount == 11) { const auto& [a, b, c, d, e, f, g, h, i, j, k] = value; return visit(a, b, c, d,
    e, f, g, h, i, j, k);
  } else if constexpr (kCount == 12) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l] = value; return visit(a, b, c,
    d, e, f, g, h, i, j, k, l);
  } else if constexpr (kCount == 13) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = value; return visit(a, b,
    c, d, e, f, g, h, i, j, k, l, m);
  } else if constexpr (kCount == 14) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = value; return visit(a,
    b, c, d, e, f, g, h, i, j, k, l, m, n);
  } else if constexpr (kCount == 15) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = value; return
    visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
  } else if constexpr (kCount == 16) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = value; return
    visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
  } else if constexpr (kCount == 17) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q] = value; return
    visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q);
  } else if constexpr (kCount == 18) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r);
  } else if constexpr (kCount == 19) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s] = value;
    return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s);
  } else if constexpr (kCount == 20) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t] =
    value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t);
  } else if constexpr (kCount == 21) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u] =
    value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u);
  } else if constexpr (kCount == 22) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v]
    = value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v);
  } else if constexpr (kCount == 23) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w] = value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w);
  } else if constexpr (kCount == 24) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x] = value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x);
  } else if constexpr (kCount == 25) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y] = value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y);
  } else if constexpr (kCount == 26) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z] = value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z);
  } else if constexpr (kCount == 27) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A] = value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z,
    A);
  } else if constexpr (kCount == 28) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B] = value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y,
    z, A, B);
  } else if constexpr (kCount == 29) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C] = value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x,
    y, z, A, B, C);
  } else if constexpr (kCount == 30) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D] = value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w,
    x, y, z, A, B, C, D);
  } else if constexpr (kCount == 31) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E] = value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E);
  } else if constexpr (kCount == 32) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F] = value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u,
    v, w, x, y, z, A, B, C, D, E, F);
  } else if constexpr (kCount == 33) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F, G] = value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t,
    u, v, w, x, y, z, A, B, C, D, E, F, G);
  } else if constexpr (kCount == 34) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F, G, H] = value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s,
    t, u, v, w, x, y, z, A, B, C, D, E, F, G, H);
  } else if constexpr (kCount == 35) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F, G, H, I] = value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r,
    s, t, u, v, w, x, y, z, A, B, C, D, E, F, G, H, I);
  } else if constexpr (kCount == 36) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F, G, H, I, J] = value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q,
    r, s, t, u, v, w, x, y, z, A, B, C, D, E, F, G, H, I, J);
  } else if constexpr (kCount == 37) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F, G, H, I, J, K] = value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p,
    q, r, s, t, u, v, w, x, y, z, A, B, C, D, E, F, G, H, I, J, K);
  } else if constexpr (kCount == 38) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L] = value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o,
    p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L);
  } else if constexpr (kCount == 39) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M] = value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m, n,
    o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M);
  } else if constexpr (kCount == 40) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N] = value; return visit(a, b, c, d, e, f, g, h, i, j, k, l, m,
    n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N);
  } else if constexpr (kCount == 41) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O] = value; return visit(a, b, c, d, e, f, g, h, i, j, k, l,
    m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O);
  } else if constexpr (kCount == 42) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P] = value; return visit(a, b, c, d, e, f, g, h, i, j, k,
    l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P);
  } else if constexpr (kCount == 43) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q] = value; return visit(a, b, c, d, e, f, g, h, i, j,
    k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q);
  } else if constexpr (kCount == 44) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R] = value; return visit(a, b, c, d, e, f, g, h, i,
    j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R);
  } else if constexpr (kCount == 45) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S] = value; return visit(a, b, c, d, e, f, g, h,
    i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S);
  } else if constexpr (kCount == 46) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T] = value; return visit(a, b, c, d, e, f, g,
    h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S,
    T);
  } else if constexpr (kCount == 47) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U] = value; return visit(a, b, c, d, e, f,
    g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R,
    S, T, U);
  } else if constexpr (kCount == 48) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V] = value; return visit(a, b, c, d, e,
    f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q,
    R, S, T, U, V);
  } else if constexpr (kCount == 49) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W] = value; return visit(a, b, c, d,
    e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P,
    Q, R, S, T, U, V, W);
  } else if constexpr (kCount == 50) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X] = value; return visit(a, b, c,
    d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O,
    P, Q, R, S, T, U, V, W, X);
  } else if constexpr (kCount == 51) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X, Y] = value; return visit(a, b,
    c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N,
    O, P, Q, R, S, T, U, V, W, X, Y);
  } else if constexpr (kCount == 52) { const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
    w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X, Y, Z] = value; return visit(a,
    b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, A, B, C, D, E, F, G, H, I, J, K, L, M,
    N, O, P, Q, R, S, T, U, V, W, X, Y, Z);
  }
}

// Whether Object{{}, {}, ..., last...} is an initialiser, with `kCount` pairs of braces. A pair stands for one field, be it an
// array or another aggregate, which is why no other initialiser would do.
template <class Object, std::size_t kCount, class... Last>
consteval bool takes_braces() {
  static_assert(kCount <= kMostFields + 1);
  if constexpr (kCount == 0) { return requires { Object{std::declval<Last>()...}; };
  } else if constexpr (kCount == 1) { return requires { Object{{}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 2) { return requires { Object{{}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 3) { return requires { Object{{}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 4) { return requires { Object{{}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 5) { return requires { Object{{}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 6) { return requires { Object{{}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 7) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...};
    };
  } else if constexpr (kCount == 8) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {},
    std::declval<Last>()...}; };
  } else if constexpr (kCount == 9) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {},
    std::declval<Last>()...}; };
  } else if constexpr (kCount == 10) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    std::declval<Last>()...}; };
  } else if constexpr (kCount == 11) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    std::declval<Last>()...}; };
  } else if constexpr (kCount == 12) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    std::declval<Last>()...}; };
  } else if constexpr (kCount == 13) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    std::declval<Last>()...}; };
  } else if constexpr (kCount == 14) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 15) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 16) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 17) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 18) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 19) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 20) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 21) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 22) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 23) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 24) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 25) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 26) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 27) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 28) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 29) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 30) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 31) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 32) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 33) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 34) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 35) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...};
    };
  } else if constexpr (kCount == 36) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    std::declval<Last>()...}; };
  } else if constexpr (kCount == 37) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    std::declval<Last>()...}; };
  } else if constexpr (kCount == 38) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    std::declval<Last>()...}; };
  } else if constexpr (kCount == 39) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    std::declval<Last>()...}; };
  } else if constexpr (kCount == 40) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    std::declval<Last>()...}; };
  } else if constexpr (kCount == 41) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    std::declval<Last>()...}; };
  } else if constexpr (kCount == 42) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 43) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 44) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 45) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 46) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 47) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 48) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 49) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 50) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 51) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 52) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  } else if constexpr (kCount == 53) { return requires { Object{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {},
    {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, std::declval<Last>()...}; };
  }
}
// clang-format on

}  // namespace muster::detail
