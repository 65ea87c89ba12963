#include "pystate/source_files.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/text.h"

namespace segwhy::pystate {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFile = std::size_t{16} << 20;
constexpr std::size_t kMaxLine = 1000;

// A device or a pipe by that name would hang or never end.
std::optional<std::string> read_regular_file(const std::string& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error) || error) return std::nullopt;
  auto text = read_file(path, kMaxFile);
  if (!text) return std::nullopt;
  return *std::move(text);
}

// The encoding that a comment in one of the first two lines names, lower case, with - for _; "" when none does.
std::string coding_cookie(std::string_view bytes) {
  for (int i = 0; i < 2; ++i) {
    const auto end = bytes.find('\n');
    const std::string_view line = trim(bytes.substr(0, end));
    const auto at = line.find("coding");
    if (line.starts_with('#') && at != std::string_view::npos && at + 6 < line.size() &&
        (line[at + 6] == ':' || line[at + 6] == '=')) {
      std::string name;
      for (const char c : trim(line.substr(at + 7))) {
        if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '-' && c != '_' && c != '.') break;
        name.push_back(c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
      }
      return name;
    }
    if ((!line.empty() && !line.starts_with('#')) || end == std::string_view::npos) return {};
    bytes.remove_prefix(end + 1);
  }
  return {};
}

bool is_latin1(std::string_view encoding) {
  for (const std::string_view name : {"latin-1", "latin1", "iso-8859-1", "iso-8859-15", "cp1252", "windows-1252", "l1"})
    if (encoding == name) return true;
  return false;
}

std::string latin1_to_utf8(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto u = static_cast<unsigned char>(c);
    if (u < 0x80) {
      out.push_back(c);
    } else {
      out.push_back(static_cast<char>(0xC0 | (u >> 6)));
      out.push_back(static_cast<char>(0x80 | (u & 0x3F)));
    }
  }
  return out;
}

// A line ends at \n, \r\n or \r, as for Python.
std::vector<std::size_t> line_starts(std::string_view text) {
  std::vector<std::size_t> starts{0};
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool crlf = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
    if ((text[i] == '\n' || text[i] == '\r') && !crlf) starts.push_back(i + 1);
  }
  return starts;
}

// At most kMaxLine bytes, not in the middle of a character.
std::string_view shorten(std::string_view text) {
  if (text.size() <= kMaxLine) return text;
  std::size_t end = kMaxLine;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}

}  // namespace

std::string decode_source(std::string bytes) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (bytes.starts_with(kByteOrderMark)) return bytes.substr(kByteOrderMark.size());
  return is_latin1(coding_cookie(bytes)) ? latin1_to_utf8(bytes) : bytes;
}

SourceFiles::SourceFiles(std::string root, std::vector<std::string> directories)
    : root_(std::move(root)), directories_(std::move(directories)) {}

std::optional<std::string> SourceFiles::open(const std::string& file) const {
  if (file.empty() || file.front() == '<') return std::nullopt;
  if (file.front() == '/') return read_regular_file(root_ + file);
  for (const std::string& directory : directories_) {
    const std::string path = directory + "/" + file;
    if (auto text = read_regular_file(directory.starts_with('/') ? root_ + path : path)) return text;
  }
  return std::nullopt;
}

const SourceFiles::Source& SourceFiles::source_of(const std::string& file) {
  const auto [it, added] = sources_.try_emplace(file);
  if (!added) return it->second;
  if (auto bytes = open(file)) {
    it->second.text = decode_source(*std::move(bytes));
    it->second.starts = line_starts(it->second.text);
  }
  return it->second;
}

std::string SourceFiles::line(const std::string& file, int number) {
  const Source& source = source_of(file);
  if (number < 1 || static_cast<std::size_t>(number) > source.starts.size()) return {};
  const auto index = static_cast<std::size_t>(number) - 1;
  const std::size_t from = source.starts[index];
  const std::size_t to = index + 1 < source.starts.size() ? source.starts[index + 1] : source.text.size();
  std::string_view text = std::string_view(source.text).substr(from, to - from);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return to_valid_utf8(shorten(text));
}

}  // namespace segwhy::pystate
