// Exact mode in the runtime: started where the session asks for it, its findings handed over as incidents, its memory
// renewed in forked children.
#pragma once

namespace segwhy::runtime::exact {

// Once, at load, when the handlers and the recorder's area are in place. Does nothing unless the session asks for exact
// mode; when it cannot run, the section in the area says why.
void attach();

}  // namespace segwhy::runtime::exact
