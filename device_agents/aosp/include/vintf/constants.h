// Stands in for a header of libvintf which servicemanager includes and uses nothing of.
#pragma once
