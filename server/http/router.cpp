#include "server/http/router.hpp"

#include <array>
#include <atomic>
#include <boost/container/small_vector.hpp>
#include <forward_list>
#include <functional>
#include <map>
#include <mutex>

#include "server/core/error.hpp"
#include "server/core/text.hpp"

namespace carrel::http {

using error_page = std::function<response(const context&, const problem&)>;

struct route_entry {
  verb method;
  std::string pattern;  // with the prefix of its group
  handler run;
  route_options options;
};

struct router::node {
  node* parent = nullptr;
  std::string prefix;
  std::vector<middleware> middlewares;
  error_page errors;
  handler otherwise;
  std::vector<route_entry> routes;
  std::vector<std::unique_ptr<router>> groups;
  std::atomic<bool> sealed = false;

  node& top() { return parent ? parent->top() : *this; }
  const error_page& rendering() const { return errors || !parent ? errors : parent->rendering(); }
};

namespace {

using segments = boost::container::small_vector<std::string_view, 16>;

segments split_path(std::string_view path) {
  segments out;
  while (!path.empty()) {
    std::size_t end = std::min(path.find('/'), path.size());
    if (end > 0) out.push_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return out;
}

constexpr std::array all_verbs{verb::get,      verb::head,      verb::post,  verb::put,  verb::patch, verb::del,  verb::options,
                               verb::propfind, verb::proppatch, verb::mkcol, verb::move, verb::copy,  verb::lock, verb::unlock};

unsigned bit(verb v) { return 1U << static_cast<unsigned>(v); }

std::string allow_text(unsigned methods) {
  if (methods & bit(verb::get)) methods |= bit(verb::head);
  methods |= bit(verb::options);
  std::string out;
  for (verb v : all_verbs) {
    if (!(methods & bit(v))) continue;
    if (!out.empty()) out += ", ";
    out += name_of(v);
  }
  return out;
}

task<response> no_content(std::string allow) {
  response r = empty(204);
  r.headers.emplace_back("Allow", std::move(allow));
  co_return r;
}

}  // namespace

struct router::index {
  struct endpoint {
    verb method;
    handler run, admit;
    route_options options;
    std::string_view pattern;
    std::vector<std::string> names;
    const error_page* errors;
  };
  struct area {  // of a group: what happens to unknown paths below it
    const error_page* errors = nullptr;
    handler otherwise;
  };
  struct spot {
    std::map<std::string, std::unique_ptr<spot>, std::less<>> literal;
    std::unique_ptr<spot> any;
    std::vector<endpoint> here, rest;
    std::unique_ptr<area> group;
  };

  explicit index(const node& top_) : top(top_) {
    unknown = wrapped(top, [](context&) -> task<response> { throw problem{404, "Not found.", "not_found"}; });
    add(top);
  }

  static handler wrapped(const node& n, handler inner) {
    for (auto m = n.middlewares.rbegin(); m != n.middlewares.rend(); ++m) {
      inner = [outer = *m, next = std::move(inner)](context& c) { return outer(c, next); };
    }
    return n.parent ? wrapped(*n.parent, std::move(inner)) : inner;
  }

  spot& place(std::string_view pattern, std::vector<std::string>& names, bool& rest) {
    spot* at = &root;
    for (std::string_view s : split_path(pattern)) {
      CARREL_EXPECT(!rest);
      if (s.starts_with('{') && s.ends_with("...}")) {
        rest = true;
        names.emplace_back(s.substr(1, s.size() - 5));
      } else if (s.starts_with('{') && s.ends_with('}')) {
        names.emplace_back(s.substr(1, s.size() - 2));
        if (!at->any) at->any = std::make_unique<spot>();
        at = at->any.get();
      } else {
        std::unique_ptr<spot>& next = at->literal[std::string(s)];
        if (!next) next = std::make_unique<spot>();
        at = next.get();
      }
    }
    return *at;
  }

  void add(const node& n) {
    std::vector<std::string> names;
    bool rest = false;
    spot& base = place(n.prefix, names, rest);
    if (!base.group) base.group = std::make_unique<area>();
    if (n.otherwise) base.group->otherwise = wrapped(n, n.otherwise);
    // Of several groups at one place the one with its own answer decides, else the last.
    if (n.otherwise || !base.group->otherwise) base.group->errors = &n.rendering();
    for (const route_entry& r : n.routes) {
      std::vector<std::string> route_names;
      bool route_rest = false;
      spot& at = place(r.pattern, route_names, route_rest);
      std::vector<endpoint>& list = route_rest ? at.rest : at.here;
      for (const endpoint& e : list) CARREL_EXPECT(e.method != r.method);
      handler admit;
      if (r.options.body_to_file) admit = wrapped(n, [](context&) -> task<response> { co_return empty(204); });
      list.push_back(
          {r.method, wrapped(n, r.run), std::move(admit), r.options, r.pattern, std::move(route_names), &n.rendering()});
    }
    for (const auto& g : n.groups) add(*g->node_);
  }

  // Handlers that answer for a path whose methods are known. There are as many as there are sets of methods.
  const handler* allow_answer(bool options, const std::string& allow) {
    std::scoped_lock lock(answers_lock);
    handler& h = answers[{options, allow}];
    if (h) return &h;
    handler inner = [allow](context&) -> task<response> {
      problem p{405, "This address does not take that method.", "method_not_allowed"};
      p.headers.emplace_back("Allow", allow);
      throw p;
    };
    if (options) inner = [allow](context&) { return no_content(allow); };
    h = wrapped(top, std::move(inner));
    return &h;
  }

  const node& top;
  spot root;
  handler unknown;
  std::mutex answers_lock;
  std::map<std::pair<bool, std::string>, handler> answers;
};

struct router::search {
  verb method;
  segments parts;
  boost::container::small_vector<std::size_t, 8> captured;
  std::size_t rest_from = 0;
  bool has_rest = false;
  const index::endpoint* found = nullptr;
  const index::endpoint* other_method = nullptr;
  unsigned allowed = 0;
  const index::area* group = nullptr;
  std::size_t group_depth = 0;

  bool consider(const std::vector<index::endpoint>& list) {
    const index::endpoint* get = nullptr;
    for (const index::endpoint& e : list) {
      if (e.method == method && method != verb::other) return found = &e, true;
      if (e.method == verb::get) get = &e;
      allowed |= bit(e.method);
      if (!other_method) other_method = &e;
    }
    if (method == verb::head && get) found = get;
    return found != nullptr;
  }

  bool walk(const index::spot& at, std::size_t i) {
    if (at.group && (!group || i > group_depth)) {
      group = at.group.get();
      group_depth = i;
    }
    if (i == parts.size()) {
      if (consider(at.here)) return true;
    } else {
      auto next = at.literal.find(parts[i]);
      if (next != at.literal.end() && walk(*next->second, i + 1)) return true;
      if (at.any) {
        captured.push_back(i);
        if (walk(*at.any, i + 1)) return true;
        captured.pop_back();
      }
    }
    if (!consider(at.rest)) return false;
    has_rest = true;
    rest_from = i;
    return true;
  }
};

router::router() : node_(std::make_unique<node>()) {}
router::router(std::unique_ptr<node> n) : node_(std::move(n)) {}
router::~router() = default;

void router::use(middleware m) {
  CARREL_EXPECT(!node_->top().sealed);
  node_->middlewares.push_back(std::move(m));
}

void router::add(verb v, const std::string& pattern, handler h, route_options options) {
  CARREL_EXPECT(!node_->top().sealed);
  node_->routes.push_back({v, node_->prefix + pattern, std::move(h), options});
}

router& router::group(const std::string& prefix, error_page errors) {
  CARREL_EXPECT(!node_->top().sealed);
  auto child = std::make_unique<node>();
  child->parent = node_.get();
  child->prefix = node_->prefix + prefix;
  child->errors = std::move(errors);
  node_->groups.push_back(std::unique_ptr<router>(new router(std::move(child))));
  return *node_->groups.back();
}

void router::otherwise(handler h) {
  CARREL_EXPECT(!node_->top().sealed);
  node_->otherwise = std::move(h);
}

router::match router::find(verb v, std::string_view raw_path) const {
  std::call_once(built_, [this] {
    node_->top().sealed = true;
    index_ = std::make_unique<index>(*node_);
  });
  std::forward_list<std::string> decoded;
  search s{v, split_path(raw_path), {}};
  if (raw_path.find('%') != std::string_view::npos) {
    for (std::string_view& part : s.parts) {
      std::optional<std::string> plain = percent_decode(part);
      if (plain) part = decoded.emplace_front(std::move(*plain));
    }
  }

  match m;
  if (s.walk(index_->root, 0)) {
    const index::endpoint& e = *s.found;
    m.run = &e.run;
    if (e.admit) m.admit = &e.admit;
    m.options = e.options;
    m.pattern = e.pattern;
    if (*e.errors) m.errors = *e.errors;
    if (!e.names.empty()) m.params.reserve(e.names.size());
    for (std::size_t i = 0; i < s.captured.size(); ++i) m.params.emplace_back(e.names[i], s.parts[s.captured[i]]);
    if (s.has_rest) {
      std::string rest;
      for (std::size_t i = s.rest_from; i < s.parts.size(); ++i) rest.append(rest.empty() ? "" : "/").append(s.parts[i]);
      m.params.emplace_back(e.names.back(), std::move(rest));
    }
    return m;
  }
  if (s.other_method) {
    m.run = index_->allow_answer(v == verb::options, allow_text(s.allowed));
    m.errors = *s.other_method->errors;
    return m;
  }
  m.errors = *s.group->errors;
  m.run = s.group->otherwise ? &s.group->otherwise : &index_->unknown;
  return m;
}

std::vector<std::pair<verb, std::string>> router::routes() const {
  std::vector<std::pair<verb, std::string>> out;
  for (const route_entry& r : node_->routes) out.emplace_back(r.method, r.pattern);
  for (const auto& g : node_->groups) {
    for (auto& r : g->routes()) out.push_back(std::move(r));
  }
  return out;
}

}  // namespace carrel::http
