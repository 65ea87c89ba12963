#include "runtime/crash/mask_view.h"

#include <gtest/gtest.h>

namespace segwhy::runtime {
namespace {

constexpr SignalMask kSegv = signal_bit(SIGSEGV);
constexpr SignalMask kBus = signal_bit(SIGBUS);
constexpr SignalMask kUsr1 = signal_bit(SIGUSR1);
constexpr SignalMask kSegvShadow = signal_bit(kFirstShadow);

// A thread's mask in the kernel and the runtime's note of it, as the wrappers keep them.
struct Thread {
  SignalMask kernel = 0;
  MaskView view{};

  void change(int how, SignalMask set) {
    const MaskChange change = change_view(view, kernel, how, set);
    view = change.view;
    if (how == SIG_SETMASK) kernel = change.kernel;
    if (how == SIG_BLOCK) kernel |= change.kernel;
    if (how == SIG_UNBLOCK) kernel &= ~change.kernel;
  }
  [[nodiscard]] SignalMask seen() const { return view.application_mask(kernel); }
};

TEST(MaskView, SynchronousSignalsAreNeverBlockedInTheKernelButReportedSo) {
  Thread thread;
  thread.change(SIG_BLOCK, kSegv | kUsr1);
  EXPECT_EQ(thread.kernel, kUsr1 | kSegvShadow);
  EXPECT_EQ(thread.seen(), kSegv | kUsr1);
  EXPECT_EQ(thread.view.blocked_under(thread.kernel), kSegv);
}

TEST(MaskView, AFilledSetReadsBackFilled) {
  Thread thread;
  thread.change(SIG_SETMASK, pal::kAllSignals);
  EXPECT_EQ(thread.kernel, kHandlerMask);
  EXPECT_EQ(thread.seen(), pal::kAllSignals);
}

TEST(MaskView, AllButTheSynchronousOnesIsNotTakenForBlockingThem) {
  Thread thread;
  thread.change(SIG_SETMASK, ~kSynchronousMask);
  EXPECT_EQ(thread.seen(), ~kSynchronousMask);
  EXPECT_EQ(thread.view.blocked_under(thread.kernel), 0u);
}

TEST(MaskView, UnblockKeepsWhatTheOtherUseOfAShadowNeeds) {
  Thread thread;
  thread.change(SIG_BLOCK, kSegv | kSegvShadow);
  thread.change(SIG_UNBLOCK, kSegv);
  EXPECT_EQ(thread.seen(), kSegvShadow);
  thread.change(SIG_BLOCK, kSegv);
  thread.change(SIG_UNBLOCK, kSegvShadow);
  EXPECT_EQ(thread.seen(), kSegv);
  EXPECT_EQ(thread.kernel, kSegvShadow);
  thread.change(SIG_UNBLOCK, kSegv);
  EXPECT_EQ(thread.kernel, 0u);
}

// siglongjmp and sigreturn put an old kernel mask back without telling the runtime.
TEST(MaskView, AMaskRestoredByTheKernelRestoresTheView) {
  Thread thread;
  thread.change(SIG_BLOCK, kUsr1);
  const SignalMask saved = thread.kernel;
  thread.change(SIG_BLOCK, kSegv | kBus);
  thread.kernel = saved;
  EXPECT_EQ(thread.seen(), kUsr1);
  EXPECT_EQ(thread.view.blocked_under(thread.kernel), 0u);
  thread.change(SIG_BLOCK, kBus);
  EXPECT_EQ(thread.seen(), kUsr1 | kBus);
}

// The handler pends an asynchronous SIGSEGV by really blocking it; unblocking must reach the kernel.
TEST(MaskView, UnblockReleasesASignalThatIsReallyBlocked) {
  Thread thread;
  thread.change(SIG_BLOCK, kSegv);
  thread.kernel |= kSegv;
  EXPECT_EQ(thread.seen(), kSegv);
  thread.change(SIG_UNBLOCK, kSegv);
  EXPECT_EQ(thread.kernel, 0u);
}

}  // namespace
}  // namespace segwhy::runtime
