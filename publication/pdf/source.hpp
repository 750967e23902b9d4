#pragma once
// How qpdf reads an opened file: with pread through one window, so that a large file is never in memory as a whole. For the files
// of this folder only.

#include <chrono>
#include <optional>
#include <qpdf/InputSource.hh>
#include <string>
#include <string_view>

namespace carrel::publication::pdf {

// Thrown through qpdf, which catches std::exception where it repairs, and so not derived from it.
struct too_deep {};  // objects that need one another for being read, one inside the other
struct too_long {};  // more processor time than was allowed

class source : public InputSource {
 public:
  explicit source(int descriptor);

  // From now on reading ends after this much processor time of the calling thread; nullopt: never.
  void allow(std::optional<std::chrono::milliseconds>);
  void check_time() const;
  std::uint64_t size() const { return static_cast<std::uint64_t>(size_); }

  qpdf_offset_t findAndSkipNextEOL() override;
  const std::string& getName() const override { return name_; }
  qpdf_offset_t tell() override { return at_; }
  void seek(qpdf_offset_t offset, int whence) override;
  void rewind() override { at_ = 0; }
  std::size_t read(char* to, std::size_t size) override;
  void unreadCh(char) override;

 private:
  std::string_view window();  // what is buffered from the position on; "" at the end

  int descriptor_;
  qpdf_offset_t size_, at_ = 0, window_at_ = 0;
  std::string window_, name_;
  const char* stack_;
  std::optional<std::chrono::nanoseconds> until_;
};

}  // namespace carrel::publication::pdf
