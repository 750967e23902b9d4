#include "server/http/links.hpp"

namespace carrel::http {
namespace {

std::string without_slash(std::string s) {
  while (s.ends_with('/')) s.pop_back();
  return s;
}

std::string from_request(const request& in, const std::string& base_path) {
  std::string host = in.host();
  std::string_view usual = in.scheme() == "https" ? ":443" : ":80";
  if (host.ends_with(usual)) host.resize(host.size() - usual.size());
  return in.scheme() + "://" + host + (in.prefix().empty() ? base_path : without_slash(in.prefix()));
}

}  // namespace

links::links(const config& c)
    : pages_(without_slash(c.text("external_url"))),
      devices_(without_slash(c.is_set("devices_url") ? c.text("devices_url") : c.text("external_url"))),
      base_path_(without_slash(c.text("base_path"))) {}

std::string links::pages(const request& in) const { return pages_.empty() ? from_request(in, base_path_) : pages_; }
std::string links::devices(const request& in) const { return devices_.empty() ? from_request(in, base_path_) : devices_; }

}  // namespace carrel::http
