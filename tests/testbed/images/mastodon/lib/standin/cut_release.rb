# frozen_string_literal: true

# Run once while the image is built: `ruby cut_release.rb v4.6.3` leaves only what that release
# would carry. Schema numbers are those of the real branches.
SCHEMA = {
  'v4.4' => 2025_06_27_132728,
  'v4.5' => 2025_10_23_210145,
  'v4.6' => 2026_06_11_150940,
  'v4.7' => 2026_08_05_130216,
}.freeze

release = ARGV.fetch(0)
newest = SCHEMA.fetch(release[/\Av\d+\.\d+/])
root = File.expand_path('../..', __dir__)

Dir[File.join(root, 'db/{migrate,post_migrate}/*.rb')].each do |file|
  File.delete(file) if File.basename(file).to_i > newest
end
File.write(File.join(root, 'RELEASE'), "#{release}\n")
File.write(File.join(root, 'db/schema_version'), "#{newest}\n")
