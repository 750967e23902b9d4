#pragma once

#include <string>

namespace carrel::ingest::sources::test {

std::string patterned_png(int width, int height);  // with something to see on it
std::string patterned_jpeg(int width, int height);
std::string blank_png(int width, int height);
std::string png_head(unsigned width, unsigned height);  // that says so, and no more

}  // namespace carrel::ingest::sources::test
