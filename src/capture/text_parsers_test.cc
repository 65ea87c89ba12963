// The pure decoders of kernel texts and layouts, on real samples and on garbage.
#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <random>

#include "capture/limits_text.h"
#include "capture/machine_text.h"
#include "capture/maps.h"
#include "capture/procfs.h"
#include "capture/registers.h"
#include "capture/signal_info.h"

namespace segwhy {
namespace {

constexpr std::string_view kMaps =
    "55d0c8a00000-55d0c8a02000 r--p 00000000 fe:00 1311         /usr/bin/a name with  blanks\n"
    "55d0c8a02000-55d0c8a07000 r-xp 00002000 fe:00 1311         /usr/bin/a name with  blanks\n"
    "55d0ca1f8000-55d0ca219000 rw-p 00000000 00:00 0            [heap]\n"
    "7f0000000000-7f0000001000 rw-s 00000000 00:01 2048         /memfd:segwhy (deleted)\n"
    "7f0000002000-7f0000003000 rw-s 00000000 00:17 9            /dev/shm/psm_1f (deleted)\n"
    "7f0000004000-7f0000005000 rw-p 00000000 00:00 0            [anon:pthread stack]\n"
    "7f0000006000-7f0000007000 rw-p 00000000 00:00 0 \n"
    "7f0000008000-7f0000009000 r--s 00000000 00:10 77           anon_inode:[perf_event]\n"
    "7f000000a000-7f000000b000 r--p 00000000 fe:00 5            /tmp/new\\012line\n"
    "7f000000c000-7f000000d000 r--p 00000000 fe:00 6            /tmp/x (deleted) (deleted)\n"
    "7ffd5c9e2000-7ffd5ca03000 rw-p 00000000 00:00 0            [stack]\n"
    "7ffd5cbd2000-7ffd5cbd4000 r-xp 00000000 00:00 0            [vdso]\n"
    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0    [vsyscall]\n";

TEST(Maps, KernelText) {
  const auto maps = parse_maps(kMaps);
  ASSERT_EQ(maps.size(), 13U);
  EXPECT_EQ(maps[0].path, "/usr/bin/a name with  blanks");
  EXPECT_EQ(maps[1].file_offset, 0x2000U);
  EXPECT_TRUE(maps[1].executable && maps[1].readable && !maps[1].writable && !maps[1].shared);
  EXPECT_EQ(maps[1].device, std::uint64_t{0xfe} << 32);
  EXPECT_EQ(maps[1].inode, 1311U);
  EXPECT_EQ(maps[2].path, "[heap]");
  EXPECT_EQ(maps[3].path, "/memfd:segwhy");
  EXPECT_TRUE(maps[3].deleted && maps[3].shared);
  EXPECT_EQ(maps[4].path, "/dev/shm/psm_1f");
  EXPECT_EQ(maps[5].path, "[anon:pthread stack]");
  EXPECT_EQ(maps[6].path, "");
  EXPECT_EQ(maps[7].path, "anon_inode:[perf_event]");
  EXPECT_EQ(maps[8].path, "/tmp/new\nline");
  EXPECT_EQ(maps[9].path, "/tmp/x (deleted)") << "the kernel's mark is the last one";
  EXPECT_EQ(maps[11].path, "[vdso]");
  EXPECT_FALSE(maps[12].readable);
}

TEST(Maps, LinesThatAreNoMappingAreSkipped) {
  EXPECT_TRUE(parse_maps("").empty());
  EXPECT_TRUE(parse_maps("\n\n-\n- - - -\nhello\n1000-1000 r--p 0 0:0 0\n2000-1000 r--p 0 0:0 0\n").empty());
  EXPECT_TRUE(parse_maps("1000-2000 r--px 0 0:0 0\n1000-2000 r--p 0 0:0 x\n1000-2000").empty());
  EXPECT_EQ(parse_maps("1000-2000 r--p 0 0:0 0").size(), 1U) << "no newline, no name";
}

TEST(Maps, AnyPrefixAndAnyDamageIsHarmless) {
  for (std::size_t n = 0; n <= kMaps.size(); ++n) EXPECT_LE(parse_maps(kMaps.substr(0, n)).size(), 13U);
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string text(kMaps);
    for (int i = 0; i < 5; ++i) text[random() % text.size()] = static_cast<char>(random());
    const auto maps = parse_maps(text);
    EXPECT_TRUE(std::is_sorted(maps.begin(), maps.end(), [](auto& a, auto& b) { return a.start < b.start; }));
    for (const Mapping& m : maps) EXPECT_LT(m.start, m.end);
  }
}

TEST(Registers, UserRegsLayoutMatchesTheKernels) {
  std::array<std::uint64_t, kUserRegisterCount> user{};
  for (std::size_t i = 0; i < user.size(); ++i) user[i] = i;
  const Registers r = registers_from_user_regs(user);
  EXPECT_EQ(r.dwarf[Registers::kR15], 0U);
  EXPECT_EQ(r.dwarf[Registers::kRbp], 4U);
  EXPECT_EQ(r.dwarf[Registers::kRax], 10U);
  EXPECT_EQ(r.dwarf[Registers::kRdi], 14U);
  EXPECT_EQ(r.pc().value(), 16U);
  EXPECT_EQ(r.eflags, 18U);
  EXPECT_EQ(r.sp().value(), 19U);
  EXPECT_EQ(r.fs_base, 21U);
  EXPECT_EQ(r.gs_base, 22U);
}

TEST(Registers, WireNamesKeepTheirPlaces) {
  wire::RegisterSet set{};
  set.rsp = 1, set.rip = 2, set.rdx = 3, set.r15 = 4, set.fs_base = 5, set.rsi = 6;
  const Registers r = registers_from_wire(set);
  EXPECT_EQ(r.sp().value(), 1U);
  EXPECT_EQ(r.pc().value(), 2U);
  EXPECT_EQ(r.dwarf[Registers::kRdx], 3U);
  EXPECT_EQ(r.dwarf[Registers::kR15], 4U);
  EXPECT_EQ(r.fs_base, 5U);
  EXPECT_EQ(r.dwarf[Registers::kRsi], 6U);
}

TEST(Registers, SyscallText) {
  const auto blocked = registers_from_syscall_text("202 0x7f01 0x80 0x0 0x0 0x5 0x6 0x7ffd10 0x7f1234\n");
  ASSERT_TRUE(blocked);
  EXPECT_EQ(blocked->pc().value(), 0x7f1234U);
  EXPECT_EQ(blocked->sp().value(), 0x7ffd10U);
  EXPECT_EQ(blocked->dwarf[Registers::kRdi], 0x7f01U);
  EXPECT_EQ(blocked->dwarf[Registers::kR9], 6U);
  EXPECT_EQ(registers_from_syscall_text("-1 0x7ffd10 0x7f1234\n")->pc().value(), 0x7f1234U);
  for (const char* garbage : {"", "running\n", "0 1 2", "1 0x1 0x2 0x3", "202 0x1 0x2 0x3 0x4 0x5 0x6 0x7 zz"}) {
    EXPECT_FALSE(registers_from_syscall_text(garbage)) << garbage;
  }
}

SignalSnapshot siginfo(int number, int code, std::uint64_t at_16) {
  std::array<std::byte, 128> bytes{};
  std::memcpy(bytes.data(), &number, 4);
  std::memcpy(bytes.data() + 8, &code, 4);
  std::memcpy(bytes.data() + 16, &at_16, 8);
  return parse_siginfo(ByteView(bytes)).value();
}

TEST(SigInfo, AddressesAndSendersOnlyWhereTheyMeanSomething) {
  EXPECT_EQ(siginfo(SIGSEGV, SEGV_MAPERR, 0x1234).address.value(), 0x1234U);
  EXPECT_EQ(siginfo(SIGSEGV, SI_KERNEL, 0x1234).address.value(), 0U) << "non-canonical: the kernel gives none";
  EXPECT_EQ(siginfo(SIGSEGV, SI_USER, 0x1234).address.value(), 0U);
  const SignalSnapshot sent = siginfo(SIGABRT, SI_TKILL, (std::uint64_t{1000} << 32) | 77);
  EXPECT_EQ(sent.sender_pid, 77);
  EXPECT_EQ(sent.sender_uid, 1000);
  EXPECT_EQ(siginfo(SIGSEGV, SEGV_MAPERR, 0x1234).sender_pid, 0);
  EXPECT_EQ(siginfo(SIGTERM, SI_TIMER, 0x1234).sender_pid, 0);
}

TEST(SigInfo, ShortOrSenselessBytesAreNoSignal) {
  const std::array<std::byte, 128> zero{};
  EXPECT_FALSE(parse_siginfo(ByteView(zero)));
  std::array<std::byte, 20> cut{std::byte{11}};
  EXPECT_FALSE(parse_siginfo(ByteView(cut)));
}

TEST(Limits, KernelText) {
  const auto limits = parse_limits(
      "Limit                     Soft Limit           Hard Limit           Units     \n"
      "Max cpu time              unlimited            unlimited            seconds   \n"
      "Max stack size            8388608              unlimited            bytes     \n"
      "Max nice priority         0                    0                    \n"
      "Max processes             96365                96366                processes \n"
      "Max address space         nonsense             1                    bytes\n");
  EXPECT_EQ(limits.size(), 3U);
  EXPECT_EQ(limits.at("stack").soft, 8388608U);
  EXPECT_EQ(limits.at("stack").hard, std::nullopt);
  EXPECT_EQ(limits.at("nproc").hard, 96366U);
  EXPECT_EQ(limits.at("cpu").soft, std::nullopt);
  EXPECT_FALSE(limits.contains("as")) << "neither a number nor unlimited";
}

TEST(Procfs, StatSurvivesAnyProcessName) {
  const auto stat = parse_stat("12 (a) b (c) S 1 12 12 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 98765 3 4\n");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->start_ticks, 98765U);
  EXPECT_FALSE(parse_stat(""));
  EXPECT_FALSE(parse_stat("12 (a) S 1 2"));
  EXPECT_FALSE(parse_stat("12 no brackets S 1 12 12 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 98765 3 4"));
}

TEST(Procfs, Fields) {
  constexpr std::string_view kStatus =
      "Name:\tx\nVmRSS:\t   12 kB\nThreads:\t3\nUid:\t1000\t1001\t0\t0\nVmHWM:\tnone\n";
  EXPECT_EQ(number_of(kStatus, "VmRSS"), 12U * 1024);
  EXPECT_EQ(number_of(kStatus, "Threads"), 3U);
  EXPECT_EQ(number_of(kStatus, "VmHWM"), std::nullopt);
  EXPECT_EQ(number_of(kStatus, "Vm"), std::nullopt) << "a key is a whole word";
  EXPECT_EQ(number_of("X: 18446744073709551615 kB", "X"), std::nullopt) << "would overflow";
  EXPECT_EQ(real_uid(kStatus), "1000");
  EXPECT_EQ(tasks_of_machine("0.20 0.18 0.12 1/80 11206\n"), 80U);
  EXPECT_EQ(tasks_of_machine("0.20 0.18"), std::nullopt);
  EXPECT_EQ(tasks_of_machine("1/x 3"), std::nullopt);
  EXPECT_EQ(split_nul(std::string_view("a\0\0b c\0", 7)), (std::vector<std::string>{"a", "", "b c"}));
  EXPECT_TRUE(split_nul("").empty());
}

TEST(MachineText, OsAndCpu) {
  EXPECT_EQ(os_name("NAME=x\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"), "Debian GNU/Linux 12 (bookworm)");
  EXPECT_EQ(os_name("PRETTY_NAME=plain\n"), "plain");
  EXPECT_EQ(os_name("PRETTY_NAME=\"\n"), "\"");
  EXPECT_EQ(os_name(""), "");
  EXPECT_EQ(cpu_model("processor\t: 0\nmodel name\t: AMD EPYC 7763\nmodel name\t: other\n"), "AMD EPYC 7763");
  EXPECT_EQ(cpu_model("processor : 0\nBogoMIPS : 48.00\n"), "");
}

TEST(MachineText, OnlyListedVariablesThatAreNoSecretsAreKept) {
  for (const char* kept :
       {"OMP_NUM_THREADS", "TF_ENABLE_ONEDNN_OPTS", "PYTHONPATH", "LD_PRELOAD", "GLIBC_TUNABLES", "SEGWHY_EAGER"}) {
    EXPECT_TRUE(keeps_variable(kept)) << kept;
  }
  for (const char* left : {"AWS_SECRET", "HOME", "MY_TF_X", "TF_VAR_db_password", "TF_TOKEN_app_terraform_io", "",
                           "PYTHON_API_KEY", "CUDA_REGISTRY_PASSWORD"}) {
    EXPECT_FALSE(keeps_variable(left)) << left;
  }
}

TEST(MachineText, FilesystemNames) {
  EXPECT_EQ(filesystem_name(0x01021994), "tmpfs");
  EXPECT_EQ(filesystem_name(0x1234), "0x1234");
}

}  // namespace
}  // namespace segwhy
