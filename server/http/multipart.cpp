#include "server/http/multipart.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

#include "server/core/random.hpp"
#include "server/core/text.hpp"
#include "server/http/query.hpp"

namespace carrel::http {
namespace {

constexpr std::size_t max_parts = 1000;
constexpr std::size_t max_part_head = 8 << 10;
constexpr std::size_t max_text = 64 << 10;

// Programs that escape nothing send a quote within a name as it is: one that ends a value has another parameter behind it, or
// nothing.
bool ends_value(std::string_view field, std::size_t quote) {
  std::size_t next = field.find_first_not_of(" \t", quote + 1);
  return next == std::string_view::npos || field[next] == ';';
}

// The value of a parameter such as boundary= or filename=, quoted or not. Browsers escape a quote in a file name as %22
// and leave backslashes alone, so \ escapes only " and itself.
std::optional<std::string> parameter(std::string_view field, std::string_view name) {
  std::size_t i = field.find(';');
  while (i != std::string_view::npos && i < field.size()) {
    ++i;
    std::size_t equals = field.find_first_of("=;", i);
    if (equals == std::string_view::npos) return std::nullopt;
    if (field[equals] == ';') {
      i = equals;
      continue;
    }
    std::string_view key = trim(field.substr(i, equals - i));
    i = equals + 1;
    while (i < field.size() && (field[i] == ' ' || field[i] == '\t')) ++i;
    std::string value;
    if (i < field.size() && field[i] == '"') {
      for (++i; i < field.size() && !(field[i] == '"' && ends_value(field, i)); ++i) {
        if (field[i] == '\\' && i + 1 < field.size() && (field[i + 1] == '"' || field[i + 1] == '\\')) ++i;
        value += field[i];
      }
      if (i >= field.size()) return std::nullopt;  // the quote never ends
      i = field.find(';', i);
    } else {
      std::size_t end = std::min(field.find(';', i), field.size());
      value = trim(field.substr(i, end - i));
      i = end;
    }
    if (equal_ascii_case(key, name)) return value;
  }
  return std::nullopt;
}

std::string with_quotes(std::string name) {
  for (std::size_t at = name.find("%22"); at != std::string::npos; at = name.find("%22", at + 1)) name.replace(at, 3, "\"");
  return name;
}

bool is_type(std::string_view content_type, std::string_view wanted) {
  return equal_ascii_case(trim(content_type.substr(0, content_type.find(';'))), wanted);
}

[[noreturn]] void outside_failed(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

class descriptor {
 public:
  explicit descriptor(int fd = -1) : fd_(fd) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() { close(); }
  void reset(int fd) { close(), fd_ = fd; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// The body file as a window that moves forward.
class window {
 public:
  explicit window(const std::filesystem::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_.get() < 0) outside_failed("open multipart body");
  }
  std::string_view view() const { return std::string_view(buffer_).substr(from_); }
  void drop(std::size_t n) { from_ += n; }
  // Appends more of the file; false at its end.
  bool fill() {
    buffer_.erase(0, from_);
    from_ = 0;
    std::size_t old = buffer_.size();
    buffer_.resize(old + piece);
    ssize_t n;
    do n = ::read(fd_.get(), buffer_.data() + old, piece);
    while (n < 0 && errno == EINTR);
    buffer_.resize(old + static_cast<std::size_t>(n > 0 ? n : 0));
    if (n < 0) outside_failed("read multipart body");
    return n > 0;
  }

 private:
  static constexpr std::size_t piece = 64 << 10;
  descriptor fd_;
  std::string buffer_;
  std::size_t from_ = 0;
};

class splitter {
 public:
  splitter(const std::filesystem::path& body, std::string boundary, const std::filesystem::path& folder)
      : in_(body), delimiter_("\r\n--" + std::move(boundary)), folder_(folder) {}

  // Files of an answer that was not given are removed.
  ~splitter() {
    std::error_code ignored;
    for (const part& p : parts_) {
      if (!p.file.empty()) std::filesystem::remove(p.file, ignored);
    }
  }

  result<std::vector<part>> run() {
    if (!skip_preamble()) return broken("it has no first boundary");
    for (;;) {
      while (in_.view().size() < 2) {
        if (!in_.fill()) return broken("it ends without its closing boundary");
      }
      if (in_.view().starts_with("--")) return std::exchange(parts_, {});
      if (std::optional<error> e = skip_line()) return *e;
      if (parts_.size() + skipped_ >= max_parts) return broken("it has more than 1000 parts");
      if (std::optional<error> e = read_part()) return *e;
    }
  }

 private:
  static error broken(std::string reason) { return {"multipart", std::move(reason)}; }

  // The first boundary may stand at the very start, without a line end before it.
  bool skip_preamble() {
    std::string_view first = std::string_view(delimiter_).substr(2);
    while (in_.view().size() < first.size()) {
      if (!in_.fill()) return false;
    }
    if (in_.view().starts_with(first)) return in_.drop(first.size()), true;
    return copy_until_delimiter([](std::string_view) {});
  }

  // Hands everything before the next delimiter to `take` and drops the delimiter; false when there is none.
  template <class Take>
  bool copy_until_delimiter(Take take) {
    for (;;) {
      std::string_view v = in_.view();
      std::size_t at = v.find(delimiter_);
      if (at != std::string_view::npos) {
        take(v.substr(0, at));
        in_.drop(at + delimiter_.size());
        return true;
      }
      if (v.size() >= delimiter_.size()) {
        std::size_t safe = v.size() - delimiter_.size() + 1;
        take(v.substr(0, safe));
        in_.drop(safe);
      }
      if (!in_.fill()) return false;
    }
  }

  std::optional<error> skip_line() {
    for (;;) {
      std::string_view v = in_.view();
      std::size_t i = v.find_first_not_of(" \t");
      if (i != std::string_view::npos && i + 1 < v.size()) {
        if (v.substr(i, 2) != "\r\n") return broken("a boundary line is damaged");
        in_.drop(i + 2);
        return std::nullopt;
      }
      if (v.size() > max_part_head) return broken("a boundary line is too long");
      if (!in_.fill()) return broken("it ends without its closing boundary");
    }
  }

  std::optional<error> read_head(part& p, bool& is_file) {
    for (;;) {
      std::string_view v = in_.view();
      std::size_t end = v.find("\r\n");
      if (end == std::string_view::npos || end > max_part_head) {
        if (v.size() > max_part_head) return broken("the head of a part is too long");
        if (!in_.fill()) return broken("it ends without its closing boundary");
        continue;
      }
      std::string line(v.substr(0, end));
      // The empty line's CRLF stays: an empty part has the delimiter right after its head.
      if (line.empty()) return std::nullopt;
      in_.drop(end + 2);
      head_size_ += line.size();
      if (head_size_ > max_part_head) return broken("the head of a part is too long");
      std::size_t colon = line.find(':');
      if (colon == std::string::npos) return broken("the head of a part has a line without a colon");
      std::string_view name = trim(std::string_view(line).substr(0, colon)),
                       value = trim(std::string_view(line).substr(colon + 1));
      if (equal_ascii_case(name, "content-type")) p.type = value;
      if (!equal_ascii_case(name, "content-disposition")) continue;
      if (!is_type(value, "form-data")) return broken("a part is not form data");
      p.name = parameter(value, "name").value_or("");
      std::optional<std::string> file_name = parameter(value, "filename");
      // A file field that was left empty comes with an empty name.
      is_file = file_name && !file_name->empty();
      if (is_file) p.file_name = replace_invalid_utf8(with_quotes(*file_name));
      std::erase(p.file_name, '\0');
    }
  }

  std::optional<error> read_part() {
    part p;
    bool is_file = false;
    head_size_ = 0;
    if (std::optional<error> e = read_head(p, is_file)) return e;
    if (p.name.empty()) return broken("a part has no name");
    // The CRLF of the empty line belongs to the head unless a delimiter starts with it.
    if (!at_delimiter()) in_.drop(2);
    if (is_file) return read_file(std::move(p));

    bool too_long = false;
    bool ended = copy_until_delimiter([&](std::string_view piece) {
      if (p.text.size() + piece.size() > max_text)
        too_long = true;
      else if (!too_long)
        p.text += piece;
    });
    if (!ended) return broken("it ends without its closing boundary");
    if (too_long) return broken("a field is longer than 64 KiB");
    p.size = p.text.size();
    if (valid_utf8(p.name) && valid_utf8(p.text) && (p.name + p.text).find('\0') == std::string::npos)
      parts_.push_back(std::move(p));
    else
      ++skipped_;
    return std::nullopt;
  }

  bool at_delimiter() {
    while (in_.view().size() < delimiter_.size() && in_.fill()) {
    }
    return in_.view().starts_with(delimiter_);
  }

  std::optional<error> read_file(part p) {
    descriptor out;
    for (int attempt = 0; out.get() < 0; ++attempt) {
      p.file = folder_ / ("part-" + random_letters(20));
      out.reset(::open(p.file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640));
      if (out.get() < 0 && (errno != EEXIST || attempt > 4)) outside_failed("create upload file");
    }
    parts_.push_back(std::move(p));
    part& kept = parts_.back();
    bool ended = copy_until_delimiter([&](std::string_view piece) {
      kept.size += piece.size();
      while (!piece.empty()) {
        ssize_t n = ::write(out.get(), piece.data(), piece.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) outside_failed("write upload file");
        piece.remove_prefix(static_cast<std::size_t>(n));
      }
    });
    if (!ended) return broken("it ends without its closing boundary");
    if (!valid_utf8(kept.name) || kept.name.find('\0') != std::string::npos) return broken("a field name is not UTF-8");
    return std::nullopt;
  }

  window in_;
  std::string delimiter_;
  const std::filesystem::path& folder_;
  std::vector<part> parts_;
  std::size_t skipped_ = 0, head_size_ = 0;
};

bool usable_boundary(std::string_view b) {
  if (b.empty() || b.size() > 70 || b.back() == ' ') return false;
  constexpr std::string_view marks = "'()+_,-./:=? ";
  for (char c : b) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && marks.find(c) == std::string_view::npos) return false;
  }
  return true;
}

}  // namespace

form::form(const request& in) {
  std::string_view type = in.header("Content-Type").value_or("");
  if (is_type(type, "application/x-www-form-urlencoded")) fields_ = parse_query(in.body());
}

std::string form::text(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (key == name) return value;
  }
  return {};
}

std::vector<std::string> form::all(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [key, value] : fields_) {
    if (key == name) out.push_back(value);
  }
  return out;
}

bool form::has(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (key == name) return true;
  }
  return false;
}

result<std::vector<part>> split_multipart(const std::filesystem::path& body, std::string_view content_type,
                                          const std::filesystem::path& folder) {
  if (!is_type(content_type, "multipart/form-data")) return error{"multipart", "the body is not multipart/form-data"};
  std::optional<std::string> boundary = parameter(content_type, "boundary");
  if (!boundary || !usable_boundary(*boundary)) return error{"multipart", "the boundary is missing or not allowed"};
  return splitter(body, std::move(*boundary), folder).run();
}

}  // namespace carrel::http
