"""The crowd of a surge, as a program for `rails runner`: it makes the load and says what it saw."""

from __future__ import annotations

from typing import Final

CROWD: Final = r"""
require 'json'
require 'net/http'
require 'securerandom'
require 'sidekiq/api'

SECONDS = Integer(ENV.fetch('SURGE_SECONDS'))
SITE = ENV.fetch('LOCAL_DOMAIN')
INSERTS, DELIVERIES, SIGNUPS, POSTS, HOME, STRANGERS = 17_000, 4_000, 1.5, 20, 3, 4
THINKING = { home: 1.0, strangers: 0.25 }
LAST_MAIL = 60

def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
def stranger = "2001:db8:#{SecureRandom.hex(2)}:#{SecureRandom.hex(2)}::1"

def ask(request, token: nil, to: 'web:3000', form: nil)
  request['Host'] = SITE
  request['X-Forwarded-Proto'] = 'https'
  request['X-Forwarded-For'] = stranger
  request['Authorization'] = "Bearer #{token}" if token
  request.set_form_data(form) if form
  host, port = to.split(':')
  Net::HTTP.start(host, Integer(port), read_timeout: 60) { |http| http.request(request) }
end

def post(path, form, token = nil) = ask(Net::HTTP::Post.new(path), form: form, token: token)
def read(path, **more) = ask(Net::HTTP::Get.new(path), **more)

def key(grant)
  nowhere = 'urn:ietf:wg:oauth:2.0:oob'
  scopes = { scope: 'read write', scopes: 'read write', redirect_uri: nowhere }
  app = JSON.parse(post('/api/v1/apps', scopes.merge(client_name: 'surge', redirect_uris: nowhere)).body)
  asked = scopes.merge(client_id: app['client_id'], client_secret: app['client_secret'])
  JSON.parse(post('/oauth/token', asked.merge(grant)).body).fetch('access_token')
end

def member
  key(grant_type: 'password', username: ENV.fetch('SURGE_EMAIL'), password: ENV.fetch('SURGE_PASSWORD'))
end

def taken_elsewhere = JSON.parse(Net::HTTP.get(URI('http://world:8080/seen')))['delivered']

def idle?
  queues = %w(default mailers push ingress pull).sum { |name| Sidekiq::Queue.new(name).size }
  queues.zero? && Sidekiq::ProcessSet.new.sum { |one| one['busy'] }.zero?
end

def waited(seconds)
  deadline = now + seconds
  sleep 0.5 until yield || now > deadline
end

def quantile(values, share)
  sorted = values.sort
  sorted.empty? ? nil : sorted[[(sorted.size * share).floor, sorted.size - 1].min].round(3)
end

# Before: posts to read, nothing that waits, no mail of the last layout.
readers = Array.new(HOME) { member }
POSTS.times do |number|
  post('/api/v1/statuses', { status: "post #{number} #{SecureRandom.hex(4)}" }, readers.first)
end
home = []
waited(60) do
  home = JSON.parse(read('/api/v1/timelines/home', token: readers.first).body)
  home.size >= POSTS && idle?
end
raise "the home timeline shows #{home.size} posts" if home.size < POSTS
account = Account.find_by(username: 'admin', domain: nil)
popular = "/@admin/#{home.first['id']}"
raise "nobody can read #{popular}" unless read(popular, to: ENV.fetch('SURGE_READ')).code == '200'
ask(Net::HTTP::Delete.new('/api/v1/messages'), to: 'mail:8025')
opening = key(grant_type: 'client_credentials')
before = taken_elsewhere

inserts = Array.new(INSERTS) { [home.first['id'].to_i, account.id, 'home'] }
Sidekiq::Client.push_bulk('class' => 'FeedInsertWorker', 'queue' => 'default', 'args' => inserts)
sent = Array.new(DELIVERIES) { |each| ['{"type":"Note"}', account.id, "http://world:8080/#{each}"] }
Sidekiq::Client.push_bulk('class' => 'ActivityPub::DeliveryWorker', 'queue' => 'push', 'args' => sent)

began, lock = now, Mutex.new
finish = began + SECONDS
times, failed, accepted = Hash.new { |all, name| all[name] = [] }, Hash.new(0), {}
timed = lambda do |name, &work|
  started = now
  answer = work.call
  lock.synchronize do
    answer.code == '200' ? times[name] << (now - started) : failed["#{name} #{answer.code}"] += 1
  end
  answer
rescue SystemCallError, IOError, Timeout::Error => error
  lock.synchronize { failed["#{name} #{error.class}"] += 1 }
  nil
end

threads = readers.map do |token|
  Thread.new do
    while now < finish
      timed.call(:home) { read('/api/v1/timelines/home', token: token) }
      sleep THINKING[:home]
    end
  end
end
threads += Array.new(STRANGERS) do
  Thread.new do
    while now < finish
      timed.call(:strangers) { read(popular, to: ENV.fetch('SURGE_READ')) }
      sleep THINKING[:strangers]
    end
  end
end
asked = 0
threads << Thread.new do
  arriving = []
  while now < finish
    if (now - began) * SIGNUPS >= asked
      asked += 1
      arriving << Thread.new do
        mail, at = "p#{SecureRandom.hex(8)}@#{SITE}", Time.now.to_f
        form = { username: mail[/\A[^@]+/], email: mail, password: SecureRandom.hex(12),
                 agreement: 'true', locale: 'en' }
        answer = timed.call(:signup) { post('/api/v1/accounts', form, opening) }
        lock.synchronize { accepted[mail] = at } if answer&.code == '200'
      end
    end
    sleep 0.05
  end
  arriving.each(&:join)
end

# A line that is empty before the end was worked off faster than the end says.
inserted = delivered = nil
while now < finish
  sleep 1
  left = Sidekiq::Queue.new('default').size
  inserted = (INSERTS - left) / (now - began) if inserted.nil? && left < 10
  arrived = taken_elsewhere - before
  delivered = arrived / (now - began) if delivered.nil? && arrived >= DELIVERIES
end
inserted ||= (INSERTS - Sidekiq::Queue.new('default').size) / (now - began)
delivered ||= (taken_elsewhere - before) / (now - began)
threads.each(&:join)

mailed = {}
waited(LAST_MAIL) do
  mails = JSON.parse(read('/api/v1/messages?limit=500', to: 'mail:8025').body)['messages']
  mails.each { |one| one['To'].each { |to| mailed[to['Address']] ||= Time.iso8601(one['Created']).to_f } }
  (accepted.keys - mailed.keys).empty?
end
waits = accepted.map { |mail, at| mailed.key?(mail) ? mailed[mail] - at : LAST_MAIL.to_f }
%w(default mailers push ingress pull).each { |name| Sidekiq::Queue.new(name).clear }
Sidekiq::RetrySet.new.clear
waited(60) { idle? }

result = { inserts: inserted.round(1), deliveries: delivered.round(1), asked: asked, failed: failed,
           taken: (accepted.size / [asked, 1].max.to_f).round(3), mails: (mailed.keys & accepted.keys).size }
{ signup: times[:signup], home: times[:home], strangers: times[:strangers], mail: waits }.each do |name, all|
  result["#{name}_count"] = all.size
  result["#{name}_p50"], result["#{name}_p95"] = quantile(all, 0.5), quantile(all, 0.95)
end
puts "surge: #{JSON.generate(result)}"
"""
