// Beast's and Asio's TLS code, compiled once. Asio itself is compiled in server/core/asio.cpp.
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
