#include "capture/signal_info.h"

#include <csignal>

namespace segwhy {
namespace {

// siginfo_t: si_signo, si_errno, si_code, padding, then a union at 16.
constexpr std::uint64_t kSigno = 0;
constexpr std::uint64_t kCode = 8;
constexpr std::uint64_t kAddress = 16;
constexpr std::uint64_t kPid = 16;
constexpr std::uint64_t kUid = 20;

bool has_address(int signal, int code) {
  const bool fault = signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE || signal == SIGTRAP;
  return fault && code > 0 && code < SI_KERNEL;
}

bool has_sender(int code) {
  return code == SI_USER || code == SI_QUEUE || code == SI_TKILL || code == SI_MESGQ;
}

}  // namespace

std::optional<SignalSnapshot> parse_siginfo(ByteView siginfo) {
  const auto number = siginfo.at<std::int32_t>(kSigno);
  const auto code = siginfo.at<std::int32_t>(kCode);
  const auto address = siginfo.at<std::uint64_t>(kAddress);
  const auto pid = siginfo.at<std::int32_t>(kPid);
  const auto uid = siginfo.at<std::int32_t>(kUid);
  if (!number || !code || !address || !pid || !uid || *number <= 0 || *number >= NSIG) return std::nullopt;
  SignalSnapshot signal;
  signal.number = *number;
  signal.code = *code;
  if (has_address(*number, *code)) signal.address = TargetAddr(*address);
  if (has_sender(*code)) {
    signal.sender_pid = *pid;
    signal.sender_uid = *uid;
  }
  return signal;
}

}  // namespace segwhy
