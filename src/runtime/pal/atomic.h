// Atomic access to plain integers that live in shared memory or in zero-initialised globals. Lock-free,
// async-signal-safe; std::atomic would need its objects constructed in place.
#pragma once

namespace segwhy::runtime::pal {

template <typename T>
[[nodiscard]] inline T load(const T& word) {
  return __atomic_load_n(&word, __ATOMIC_ACQUIRE);
}

template <typename T, typename V>
inline void store(T& word, V value) {
  __atomic_store_n(&word, static_cast<T>(value), __ATOMIC_RELEASE);
}

template <typename T, typename V>
inline T fetch_add(T& word, V value) {
  return __atomic_fetch_add(&word, static_cast<T>(value), __ATOMIC_ACQ_REL);
}

template <typename T, typename V>
inline T exchange(T& word, V value) {
  return __atomic_exchange_n(&word, static_cast<T>(value), __ATOMIC_ACQ_REL);
}

// True when `word` was `expected` and is now `desired`.
template <typename T, typename V>
[[nodiscard]] inline bool compare_exchange(T& word, V expected, V desired) {
  T seen = static_cast<T>(expected);
  return __atomic_compare_exchange_n(&word, &seen, static_cast<T>(desired), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

}  // namespace segwhy::runtime::pal
