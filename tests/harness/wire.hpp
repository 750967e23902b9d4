#pragma once
// What tests say to a server on this machine, byte for byte, and what it answers.

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel::harness {

using header_list = std::vector<std::pair<std::string, std::string>>;

// One connection; what comes back until the server closes. `arrived` is called as it comes in. Throws when nothing comes.
std::string exchange(unsigned port, const std::string& request,
                     const std::function<void(const std::string& so_far)>& arrived = {});

struct answer {
  int status = 0;
  header_list head;
  std::string body;
};
answer parse_answer(const std::string& raw);

std::string find_header(const header_list&, std::string_view name);  // "" when absent

}  // namespace carrel::harness
