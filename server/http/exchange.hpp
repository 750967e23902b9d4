#pragma once
// One request and its answer, while a session works on it.

#include "server/http/session.hpp"
#include "server/http/upload.hpp"

namespace carrel::http {

struct session::exchange {
  head h;
  router::match route;
  std::string id, path;  // path: canonical, for logs and prefix checks
  clock::time_point started;
  std::optional<request> in;
  std::optional<context> c;
  std::optional<problem> refused;  // before the handler
  std::exception_ptr failed;
  bool keep = true;

  verb method() const { return in ? in->method() : h.parts.method; }

  // From here on there is something to render answers for.
  void open(upload* body) {
    if (in) return;
    if (body) {
      h.parts.body = std::move(body->text);
      h.parts.body_file = body->file;
      h.parts.body_size = body->size;
    }
    in.emplace(std::move(h.parts));
    in->set_params(std::move(route.params));
    clock::time_point deadline = clock::time_point::max();
    if (route.options.budget.count() > 0) deadline = clock::now() + route.options.budget;
    c.emplace(context{.in = *in, .who = std::nullopt, .request_id = id, .deadline = deadline, .csrf = {}});
  }
  // Undoes open() for a request whose body is still to come.
  void reopen(request::parts parts, std::vector<std::pair<std::string, std::string>> params) {
    c.reset();
    in.reset();
    h.parts = std::move(parts);
    route.params = std::move(params);
  }
};

// Removed or called exactly once, however an answer ends.
class sent_call {
 public:
  explicit sent_call(std::function<void(bool)> f) : call_(std::move(f)) {}
  sent_call(const sent_call&) = delete;
  sent_call& operator=(const sent_call&) = delete;
  ~sent_call() { tell(false); }
  void tell(bool complete) noexcept;

 private:
  std::function<void(bool)> call_;
};

}  // namespace carrel::http
