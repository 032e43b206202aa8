// C++20 coroutines that do what the machines in src/resume do: count, and suspend in each round.
// A suspend transfers symmetrically (await_suspend answers a handle), as a coroutine library's does.
#include <coroutine>
#include <cstdint>
#include <cstdlib>

namespace {

struct Task {
  struct promise_type {
    std::int64_t value = 0;
    Task get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::abort(); }
  };
  std::coroutine_handle<promise_type> handle;
};

struct Transfer {
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<>) const noexcept {
    return std::noop_coroutine();
  }
  void await_resume() const noexcept {}
};

Task one_state(std::int64_t *out) {
  std::int64_t n = 0;
  for (;;) {
    *out = ++n;
    co_await Transfer{};
  }
}

Task eight_states(std::int64_t *out) {
  std::int64_t n = 0;
  for (;;) {
    *out = ++n;
    co_await Transfer{};
    *out = n += 2;
    co_await Transfer{};
    *out = n += 3;
    co_await Transfer{};
    *out = n += 4;
    co_await Transfer{};
    *out = n += 5;
    co_await Transfer{};
    *out = n += 6;
    co_await Transfer{};
    *out = n += 7;
    co_await Transfer{};
    *out = n += 8;
    co_await Transfer{};
  }
}

} // namespace

extern "C" void *cpp_one_state(std::int64_t *out) { return one_state(out).handle.address(); }
extern "C" void *cpp_eight_states(std::int64_t *out) { return eight_states(out).handle.address(); }
extern "C" void cpp_resume(void *frame, std::uint64_t times) {
  auto handle = std::coroutine_handle<>::from_address(frame);
  for (std::uint64_t i = 0; i < times; ++i) handle.resume();
}
extern "C" void cpp_destroy(void *frame) { std::coroutine_handle<>::from_address(frame).destroy(); }
