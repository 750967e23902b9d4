// Asio's own code, compiled once for the whole program. It is in the lowest layer because the database pool resumes
// coroutines too.
#include <boost/asio/impl/src.hpp>
