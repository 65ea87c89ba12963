#include "capture/machine_text.h"

#include <linux/magic.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/text.h"
#include "capture/procfs.h"

namespace segwhy {

std::string os_name(std::string_view os_release) {
  constexpr std::string_view kKey = "PRETTY_NAME=";
  for (const std::string_view line : split(os_release, '\n')) {
    if (!line.starts_with(kKey)) continue;
    std::string_view value = trim(line.substr(kKey.size()));
    const bool quoted =
        value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front();
    if (quoted) value = value.substr(1, value.size() - 2);
    return to_valid_utf8(value);
  }
  return {};
}

std::string cpu_model(std::string_view cpuinfo) {
  return to_valid_utf8(field_of(cpuinfo, "model name").value_or(std::string_view()));
}

std::optional<std::uint64_t> tasks_of_machine(std::string_view loadavg) {
  const auto slash = loadavg.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view rest = loadavg.substr(slash + 1);
  return parse_number(rest.substr(0, rest.find(' ')));
}

std::optional<std::string_view> real_uid(std::string_view status) {
  const auto ids = field_of(status, "Uid");
  if (!ids) return std::nullopt;
  return ids->substr(0, ids->find_first_of(" \t"));
}

bool keeps_variable(std::string_view name) {
  static constexpr std::array<std::string_view, 13> kPrefixes = {
      "OMP_",      "TF_",   "MALLOC_", "LD_",    "PYTHON",         "KMP_",        "MKL_",
      "OPENBLAS_", "CUDA_", "XLA_",    "NUMBA_", "GLIBC_TUNABLES", "SEGWHY_EAGER"};
  static constexpr std::array<std::string_view, 8> kSecrets = {"TF_VAR_",  "TF_CLI_",    "TOKEN", "SECRET",
                                                               "PASSWORD", "CREDENTIAL", "_KEY",  "_AUTH"};
  const bool listed = std::any_of(kPrefixes.begin(), kPrefixes.end(), [&](auto p) { return name.starts_with(p); });
  const bool secret =
      std::any_of(kSecrets.begin(), kSecrets.end(), [&](auto s) { return name.find(s) != std::string_view::npos; });
  return listed && !secret;
}

std::string filesystem_name(std::uint64_t magic) {
  static constexpr std::array<std::pair<std::uint64_t, const char*>, 20> kNames = {{
      {TMPFS_MAGIC, "tmpfs"},
      {EXT4_SUPER_MAGIC, "ext4"},
      {BTRFS_SUPER_MAGIC, "btrfs"},
      {XFS_SUPER_MAGIC, "xfs"},
      {OVERLAYFS_SUPER_MAGIC, "overlay"},
      {NFS_SUPER_MAGIC, "nfs"},
      {SQUASHFS_MAGIC, "squashfs"},
      {HUGETLBFS_MAGIC, "hugetlbfs"},
      {RAMFS_MAGIC, "ramfs"},
      {PROC_SUPER_MAGIC, "proc"},
      {SYSFS_MAGIC, "sysfs"},
      {F2FS_SUPER_MAGIC, "f2fs"},
      {MSDOS_SUPER_MAGIC, "vfat"},
      {EXFAT_SUPER_MAGIC, "exfat"},
      {FUSE_SUPER_MAGIC, "fuse"},
      {CIFS_SUPER_MAGIC, "cifs"},
      {SMB2_SUPER_MAGIC, "smb2"},
      {CEPH_SUPER_MAGIC, "ceph"},
      {V9FS_MAGIC, "9p"},
      {0x2FC12FC1, "zfs"},  // not in the kernel's header
  }};
  const auto it = std::find_if(kNames.begin(), kNames.end(), [&](const auto& n) { return n.first == magic; });
  return it == kNames.end() ? hex(magic) : it->second;
}

}  // namespace segwhy
